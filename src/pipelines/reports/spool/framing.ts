import { crc32 } from 'node:zlib';
import { z } from 'zod';

/** What every segment begins with: its kind and version. */
export const MAGIC = Buffer.from('LCSPOOL1');

/** Length and checksum, before each record. */
const PREFIX_BYTES = 8;
/** Length of the header, before it. */
const HEADER_PREFIX_BYTES = 2;

/** One report on its way into a segment. */
export interface NewReport {
  /** Unlike every other. */
  readonly id: string;
  /** When it came in, ms since 1970. */
  readonly receivedMs: number;
  /** Who sent it. */
  readonly agent: string;
  /** What kind it is; empty when nobody said. */
  readonly type: string;
  /** Its JSON on one line, without the end of the line. */
  readonly line: Uint8Array;
}

/** What a request is known by when it is sent again. */
export interface RequestKey {
  /** Digest of agent and Idempotency-Key, hex. */
  readonly key: string;
  /** Digest of the body, hex: the same key with another body is a mistake of the sender. */
  readonly body: string;
}

const headerSchema = z.object({
  id: z.string(),
  at: z.number(),
  agent: z.string(),
  type: z.string(),
  /** [number, how many]: one of several that were posted together. */
  of: z.tuple([z.number(), z.number()]).optional(),
  key: z.string().optional(),
  body: z.string().optional(),
});

/** What stands before a report's JSON in a segment. */
export type RecordHeader = z.infer<typeof headerSchema>;

/**
 * The bytes of reports that were posted together: each with its length (4 bytes, little-endian) and the CRC-32 of its
 * payload, which is the length of a header (2 bytes), the header (JSON) and the report's line.
 */
export function recordsOf(reports: readonly NewReport[], request?: RequestKey): Buffer {
  const parts: Uint8Array[] = [];
  reports.forEach(({ id, receivedMs, agent, type, line }, index) => {
    const header: RecordHeader = {
      ...{ id, at: receivedMs, agent, type },
      ...(reports.length === 1 ? {} : { of: [index + 1, reports.length] }),
      ...request,
    };
    const head = Buffer.from(JSON.stringify(header));
    const before = Buffer.allocUnsafe(PREFIX_BYTES + HEADER_PREFIX_BYTES);
    before.writeUInt32LE(HEADER_PREFIX_BYTES + head.length + line.length, 0);
    before.writeUInt16LE(head.length, PREFIX_BYTES);
    const checksum = crc32(line, crc32(head, crc32(before.subarray(PREFIX_BYTES))));
    before.writeUInt32LE(checksum, 4);
    parts.push(before, head, line);
  });
  return Buffer.concat(parts);
}

/** A whole record at some place of a segment. */
export interface FoundRecord {
  readonly header: RecordHeader;
  readonly line: Buffer;
  /** Where the next one begins. */
  readonly end: number;
}

/** What is wrong with the bytes at some place, or that they are not all there. */
export type NoRecord = 'incomplete' | 'damaged';

/** Reads the record that begins at `from`. */
export function recordAt(bytes: Buffer, from: number): FoundRecord | NoRecord {
  if (bytes.length < from + PREFIX_BYTES) return 'incomplete';
  const length = bytes.readUInt32LE(from);
  if (length < HEADER_PREFIX_BYTES) return 'damaged';
  const end = from + PREFIX_BYTES + length;
  if (bytes.length < end) return 'incomplete';
  const payload = bytes.subarray(from + PREFIX_BYTES, end);
  if (crc32(payload) !== bytes.readUInt32LE(from + 4)) return 'damaged';
  const line = HEADER_PREFIX_BYTES + payload.readUInt16LE(0);
  if (line > payload.length) return 'damaged';
  const header = headerOf(payload.toString('utf8', HEADER_PREFIX_BYTES, line));
  return header === undefined ? 'damaged' : { header, line: payload.subarray(line), end };
}

function headerOf(text: string): RecordHeader | undefined {
  try {
    return headerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
