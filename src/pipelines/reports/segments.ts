import { open } from 'node:fs/promises';
import type { SpooledReport } from './archive/envelope.js';
import type { FoundRecord } from './spool/framing.js';
import { recordsIn, type SegmentEnd } from './spool/records-in.js';

/** A sealed segment does not have what its lengths and checksums say. */
export class SegmentDamagedError extends Error {
  override readonly name = 'SegmentDamagedError';
}

const DAMAGE: Readonly<Record<Exclude<SegmentEnd, 'whole'>, string>> = {
  incomplete: 'it ends within a report',
  damaged: 'a checksum is wrong',
  'not begun': 'it has no beginning',
};

/**
 * Reads a sealed segment's reports, in batches.
 *
 * @throws {SegmentDamagedError} behind those that are whole
 */
export async function* readSegment(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SpooledReport[], void> {
  const file = await open(path, 'r');
  try {
    const pieces = recordsIn(file, signal);
    for (;;) {
      const { done, value } = await pieces.next();
      if (done !== true) yield value.map(spooledReport);
      else if (value === 'whole') return;
      else throw new SegmentDamagedError(DAMAGE[value]);
    }
  } finally {
    await file.close();
  }
}

function spooledReport({ header: { id, at, agent, type }, line }: FoundRecord): SpooledReport {
  return { id, receivedMs: at, agent, type, line };
}
