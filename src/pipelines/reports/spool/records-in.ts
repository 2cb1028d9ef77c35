import type { FileHandle } from 'node:fs/promises';
import { MAGIC, recordAt, type FoundRecord } from './framing.js';

const READ_BYTES = 256 * 1024;

/** How a segment ends: behind its last record, within one, at one that is damaged, or before it has begun. */
export type SegmentEnd = 'whole' | 'incomplete' | 'damaged' | 'not begun';

/**
 * Reads a segment from its beginning for as long as its records are whole, with bounded memory.
 *
 * @yields the records of each piece that was read; `end` is where one ends in the file
 * @returns what comes behind the last of them
 */
export async function* recordsIn(
  file: FileHandle,
  signal?: AbortSignal,
): AsyncGenerator<readonly FoundRecord[], SegmentEnd> {
  let rest: Buffer = Buffer.alloc(0);
  /** Where `rest` begins in the file. */
  let at = 0;
  for (;;) {
    signal?.throwIfAborted();
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await file.read(chunk, 0, READ_BYTES, at + rest.length);
    if (bytesRead === 0) return at === 0 ? 'not begun' : rest.length === 0 ? 'whole' : 'incomplete';
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let from = 0;
    if (at === 0) {
      if (rest.length < MAGIC.length) continue;
      if (!rest.subarray(0, MAGIC.length).equals(MAGIC)) return 'not begun';
      from = MAGIC.length;
    }
    const records: FoundRecord[] = [];
    let next = recordAt(rest, from);
    for (; typeof next !== 'string'; next = recordAt(rest, from)) {
      from = next.end;
      records.push({ ...next, end: at + from });
    }
    if (records.length > 0) yield records;
    if (next === 'damaged') return 'damaged';
    at += from;
    rest = rest.subarray(from);
  }
}
