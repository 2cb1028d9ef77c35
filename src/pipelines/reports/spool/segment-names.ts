import { randomBytes } from 'node:crypto';
import { timeInName } from '../file-time.js';

/** Ending of the segment that is written to. */
export const OPEN_ENDING = '.open';
/** Ending of one that is complete, and waits for its delivery. */
export const SEALED_ENDING = '.sealed';

/** Tells names of segments that are written to, or were when their process died. */
export function isOpenSegment(name: string): boolean {
  return name.endsWith(OPEN_ENDING);
}

/** Tells names of sealed segments. */
export function isSealedSegment(name: string): boolean {
  return name.endsWith(SEALED_ENDING);
}

/**
 * The name of a new segment. Names sort by time; the random part keeps a name from ever being that of an earlier
 * segment, also when the clock was set back.
 *
 * @param nowMs ms since 1970
 */
export function newSegmentName(nowMs: number): string {
  return `${timeInName(nowMs)}-${randomBytes(4).toString('hex')}${OPEN_ENDING}`;
}
