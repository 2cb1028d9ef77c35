import { z } from 'zod';

/**
 * How far discovery has got, handed from one discovery to the next. All times are seconds since 1970. At any moment
 * each eligible record that no order has, and that its source's position has not passed,
 * - came in at `arrivedFrom` or later, as the arrivals table counts it, if that counted it at all;
 * - or has an insertedAt above `scannedUpTo`.
 *
 * Nothing depends on it but what a discovery reads: one that has lost it begins from the beginning.
 */
export interface Progress {
  /** Which tables it is about: it means nothing for others. */
  readonly of: string;
  readonly arrivedFrom: number;
  readonly scannedUpTo: number;
  /** When records were last looked for in the logs themselves, all of them from `scannedUpTo` on. */
  readonly scannedAt: number;
  /** When all arrivals that are kept were last compared with the positions. */
  readonly wholeAt: number;
}

const progressSchema = z.object({
  of: z.string(),
  arrivedFrom: z.number(),
  scannedUpTo: z.number(),
  scannedAt: z.number(),
  wholeAt: z.number(),
});

/** Reads what an earlier discovery handed on; undefined when it is lost, or is about other tables. */
export function progressFrom(text: string | undefined, of: string): Progress | undefined {
  if (text === undefined) return undefined;
  try {
    const progress = progressSchema.parse(JSON.parse(text));
    return progress.of === of ? progress : undefined;
  } catch {
    return undefined;
  }
}

/** What is known when a discovery begins; times in seconds by ClickHouse's clock. */
export interface Circumstances {
  readonly now: number;
  /** Records inserted later are left alone. */
  readonly horizon: number;
  /** Every record that came in from then on is counted in the arrivals table; undefined when none is for certain. */
  readonly trustedFrom: number | undefined;
  /** When ClickHouse was started: an insert that was cut off then may have left records that nobody counted. */
  readonly upSince: number;
  /** No record that is kept came in before. */
  readonly retainedFrom: number;
}

/** Where a discovery looks for records that wait. */
export interface Look {
  /** It asks the arrivals from this time on; not at all when undefined. */
  readonly arrivedFrom: number | undefined;
  /** It scans the logs from this insertedAt on; not at all when undefined. */
  readonly scanFrom: number | undefined;
  /** It takes in all that is kept. */
  readonly whole: boolean;
}

/** How long the insert of a record may take, so that it is seen so long after its time of arrival. */
const ARRIVAL_MARGIN = 600;
/** How long a record may be seen after its insertedAt and still be found by a scan that begins at the progress. */
const SCAN_MARGIN = 900;
/** Time between two scans of what has come in between, although all is counted. */
const SCAN_EVERY = 3600;
/** Time between two looks at all that is kept. */
const WHOLE_EVERY = 6 * 3600;
/** How far the first scan reaches back when arrivals alone were good enough to begin with. */
const FIRST_SCAN = 3600;

/**
 * Decides where a discovery looks.
 * - The arrivals are asked from the progress on, also when they are not trusted: what they have counted is there.
 * - What they have not counted from its beginning is scanned for in the logs, from the progress on: while they are not
 *   trusted, after ClickHouse was started, and once an hour, for an insert may fail between the logs and its count.
 * - Without progress, and every few hours, all is looked at.
 */
export function planLook(progress: Progress | undefined, given: Circumstances): Look {
  const { now, trustedFrom, upSince, retainedFrom } = given;
  if (progress === undefined) {
    return trustedFrom !== undefined && trustedFrom <= retainedFrom
      ? { arrivedFrom: 0, scanFrom: undefined, whole: true }
      : { arrivedFrom: undefined, scanFrom: 0, whole: true };
  }
  const whole = now - progress.wholeAt >= WHOLE_EVERY;
  const scanFrom = Math.max(0, progress.scannedUpTo + 1 - SCAN_MARGIN);
  const arrivedFrom = Math.max(0, progress.arrivedFrom - ARRIVAL_MARGIN);
  if (trustedFrom === undefined) return { arrivedFrom, scanFrom: whole ? 0 : scanFrom, whole };
  const isScanDue =
    progress.scannedUpTo < trustedFrom ||
    upSince > progress.scannedAt ||
    now - progress.scannedAt >= SCAN_EVERY;
  return {
    arrivedFrom: whole ? 0 : arrivedFrom,
    scanFrom: isScanDue ? scanFrom : undefined,
    whole,
  };
}

/** What a discovery has left of a source: records that may still wait. Times in seconds. */
export interface Left {
  /** No record up to the horizon waits that has a smaller insertedAt; undefined when none waits up to there. */
  readonly firstSeconds: number | undefined;
  /** None waits that came in before, younger ones included; undefined when none is known to the arrivals. */
  readonly arrivedSeconds: number | undefined;
}

/** The progress after a look, from what it left of every source that it found. */
export function progressAfter(
  before: Progress | undefined,
  of: string,
  look: Look,
  { now, horizon }: Circumstances,
  left: Iterable<Left>,
): Progress {
  // Records above the horizon came in after it, and others that only a scan has found after their insertedAt.
  let [first, arrivedFrom] = [horizon + 1, look.scanFrom === undefined ? now : horizon];
  for (const { firstSeconds, arrivedSeconds } of left) {
    first = Math.min(first, firstSeconds ?? Infinity);
    arrivedFrom = Math.min(arrivedFrom, arrivedSeconds ?? firstSeconds ?? Infinity);
  }
  arrivedFrom = Math.max(0, arrivedFrom);
  const wholeAt = look.whole ? now : (before?.wholeAt ?? now);
  if (look.scanFrom !== undefined)
    return { of, arrivedFrom, scannedUpTo: Math.max(0, first - 1), scannedAt: now, wholeAt };
  const scannedUpTo = before?.scannedUpTo ?? Math.max(0, Math.min(horizon - FIRST_SCAN, first - 1));
  return { of, arrivedFrom, scannedUpTo, scannedAt: before?.scannedAt ?? 0, wholeAt };
}
