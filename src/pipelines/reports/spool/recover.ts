import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { MAGIC, type RecordHeader } from './framing.js';
import { recordsIn } from './records-in.js';
import { OPEN_ENDING, SEALED_ENDING } from './segment-names.js';

/** What was in a segment that its process could not seal. */
export interface RecoveredSegment {
  /** Its name now; undefined when nothing was in it, and it is gone. */
  readonly sealed: string | undefined;
  readonly headers: readonly RecordHeader[];
  /** Bytes that were cut off: reports whose requests were never answered. */
  readonly cutBytes: number;
}

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
  let whole: number = MAGIC.length;
  let batch: RecordHeader[] = [];
  const pieces = recordsIn(file);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) return value === 'not begun' ? 0 : whole;
    for (const { header, end } of value) {
      batch.push(header);
      const [number, many] = header.of ?? [1, 1];
      if (number !== batch.length) return whole;
      if (number < many) continue;
      onHeaders(batch);
      batch = [];
      whole = end;
    }
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
