import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { MAGIC, recordAt, type RecordHeader } from './framing.js';
import { OPEN_ENDING, SEALED_ENDING } from './segment-names.js';

/** What was in a segment that its process could not seal. */
export interface RecoveredSegment {
  /** Its name now; undefined when nothing was in it, and it is gone. */
  readonly sealed: string | undefined;
  readonly headers: readonly RecordHeader[];
  /** Bytes that were cut off: reports whose requests were never answered. */
  readonly cutBytes: number;
}

const READ_BYTES = 1024 * 1024;

/**
 * Reads a segment from its beginning for as long as its records are whole. Reports that were posted together count only
 * together.
 *
 * @param onHeaders is given the headers of reports that count
 * @returns where the last of them ends; 0 when not even the beginning is there
 */
export async function wholeLength(
  file: FileHandle,
  onHeaders: (headers: readonly RecordHeader[]) => void,
): Promise<number> {
  let rest: Buffer = Buffer.alloc(0);
  /** Where `rest` begins in the file. */
  let at = 0;
  let whole = 0;
  let batch: RecordHeader[] = [];
  let begun = false;
  for (;;) {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await file.read(chunk, 0, READ_BYTES, at + rest.length);
    if (bytesRead === 0) return whole;
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let from = 0;
    if (!begun) {
      if (rest.length < MAGIC.length) continue;
      if (!rest.subarray(0, MAGIC.length).equals(MAGIC)) return 0;
      begun = true;
      from = whole = MAGIC.length;
    }
    for (;;) {
      const record = recordAt(rest, from);
      if (record === 'damaged') return whole;
      if (record === 'incomplete') break;
      from = record.end;
      batch.push(record.header);
      const [number, many] = record.header.of ?? [1, 1];
      if (number !== batch.length) return whole;
      if (number < many) continue;
      onHeaders(batch);
      batch = [];
      whole = at + from;
    }
    at += from;
    rest = Buffer.from(rest.subarray(from));
  }
}

/**
 * Makes a segment that its process could not seal fit to be delivered: cuts off the torn end, and seals it. Everything
 * that was acknowledged stays: it was on the disk before.
 */
export async function recoverSegment(
  directory: string,
  name: string,
  onHeaders: (headers: readonly RecordHeader[]) => Promise<void>,
): Promise<RecoveredSegment> {
  const path = `${directory}/${name}`;
  const headers: RecordHeader[] = [];
  const file = await open(path, 'r+');
  let cutBytes = 0;
  try {
    const whole = await wholeLength(file, (found) => headers.push(...found));
    const { size } = await file.stat();
    cutBytes = size - whole;
    if (cutBytes > 0) await file.truncate(whole);
    await file.sync();
  } finally {
    await file.close();
  }
  if (headers.length === 0) {
    await unlink(path);
    return { sealed: undefined, headers, cutBytes };
  }
  await onHeaders(headers);
  const sealed = `${name.slice(0, -OPEN_ENDING.length)}${SEALED_ENDING}`;
  await rename(path, `${directory}/${sealed}`);
  return { sealed, headers, cutBytes };
}
