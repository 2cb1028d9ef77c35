import { msOfTimeInName } from '../file-time.js';
import { Inputs } from '../inputs.js';

/** How full a spool is. */
export interface SpoolFill {
  readonly bytes: number;
  /** When the oldest segment in it was begun, ms since 1970; null when there is none. */
  readonly oldestMs: number | null;
  readonly segments: number;
}

/** Looks at what waits in a spool: sealed segments, and files that were taken in. */
export async function measure(directory: string): Promise<SpoolFill> {
  const inputs = await new Inputs(directory).list();
  const segments = inputs.filter(({ kind }) => kind === 'segment');
  const begun = segments.map(({ input }) => msOfTimeInName(input)).filter((ms) => !Number.isNaN(ms));
  return {
    bytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    oldestMs: begun.length === 0 ? null : Math.min(...begun),
    segments: segments.length,
  };
}
