import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { SpooledReport } from './archive/envelope.js';
import { MAGIC } from './spool/framing.js';

/** A sealed segment does not have what its lengths and checksums say. */
export class SegmentDamagedError extends Error {
  override readonly name = 'SegmentDamagedError';
}

const headerSchema = z.object({ id: z.string(), at: z.number(), agent: z.string(), type: z.string() });
const READ_BYTES = 256 * 1024;

/** Reads a sealed segment's reports, in batches. */
export async function* readSegment(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SpooledReport[], void> {
  const file = await open(path, 'r');
  try {
    let rest = Buffer.alloc(0);
    let isFirst = true;
    for (;;) {
      signal.throwIfAborted();
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await file.read(chunk, 0, READ_BYTES);
      if (bytesRead === 0) break;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      if (isFirst && !rest.subarray(0, 8).equals(MAGIC)) throw new SegmentDamagedError('it has no beginning');
      if (isFirst) rest = rest.subarray(8);
      isFirst = false;
      const reports: SpooledReport[] = [];
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32LE(0)) {
        const end = 8 + rest.readUInt32LE(0);
        const payload = rest.subarray(8, end);
        if (crc32(payload) !== rest.readUInt32LE(4)) throw new SegmentDamagedError('a checksum is wrong');
        const from = 2 + payload.readUInt16LE(0);
        const { id, at, agent, type } = headerSchema.parse(JSON.parse(payload.toString('utf8', 2, from)));
        reports.push({ id, receivedMs: at, agent, type, line: payload.subarray(from) });
        rest = rest.subarray(end);
      }
      if (reports.length > 0) yield reports;
    }
    if (rest.length > 0) throw new SegmentDamagedError('it ends within a report');
  } finally {
    await file.close();
  }
}
