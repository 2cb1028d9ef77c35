import { about, ok, problem, warning, type Finding } from '../../pipelines/finding.js';
import { formatDuration } from '../format.js';

/** What a clock elsewhere said, compared with the one of this machine. */
export interface ClockReading {
  /** Whose clock: `clickhouse`, `redis`, `s3`. */
  readonly engine: string;
  /** Which of several. */
  readonly subject: string;
  /** How far it is ahead of ours, ms; below 0 when it is behind. */
  readonly aheadMs: number;
  /** How wrong that can be, ms: half of the time that the answer took, and what the clock's text leaves out. */
  readonly uncertaintyMs: number;
}

/** Clocks that are synchronised are closer together than this by far. */
const WARNING_MS = 5000;
/** From here on times in logs and retries are misleading, and records of a node can come in behind a delivered range. */
const PROBLEM_MS = 60_000;

/** When a clock was asked, by ours, and what it said; ms. */
export interface ClockAnswer {
  readonly sentMs: number;
  readonly gotMs: number;
  readonly theirsMs: number;
  /** How much its text leaves out: 1000 for a time in whole seconds. */
  readonly roundedMs: number;
}

/** Makes a reading of an answer. */
export function readingOf(
  whose: Pick<ClockReading, 'engine' | 'subject'>,
  answer: ClockAnswer,
): ClockReading {
  const { sentMs, gotMs, theirsMs, roundedMs } = answer;
  return {
    ...whose,
    aheadMs: theirsMs + roundedMs / 2 - (sentMs + gotMs) / 2,
    uncertaintyMs: (gotMs - sentMs + roundedMs) / 2,
  };
}

/** Judges the clocks. When all others agree with each other and not with ours, it is ours that is off. */
export function judgeClocks(readings: readonly ClockReading[]): readonly Finding[] {
  const advice = isOurs(readings)
    ? 'the others agree: set the clock of this machine right, and keep it so with NTP'
    : 'set the clock of that machine right, or of this one, and keep both so with NTP';
  return readings.map((reading) => judgeClock(reading, advice));
}

function judgeClock(reading: ClockReading, advice: string): Finding {
  const on = about(`${reading.engine}.clock`, reading.subject);
  const off = certainlyOff(reading);
  if (off < WARNING_MS) return ok(on, 'its clock and the one of this machine agree');
  const direction = reading.aheadMs > 0 ? 'ahead of' : 'behind';
  const found = `its clock is ${formatDuration(Math.abs(reading.aheadMs) / 1000)} ${direction} the one of this machine`;
  return off < PROBLEM_MS ? warning(on, found, advice) : problem(on, found, advice);
}

/** How far a clock is off at the least, ms. */
function certainlyOff({ aheadMs, uncertaintyMs }: ClockReading): number {
  return Math.max(0, Math.abs(aheadMs) - uncertaintyMs);
}

function isOurs(readings: readonly ClockReading[]): boolean {
  const ahead = readings.map(({ aheadMs }) => aheadMs);
  const apart = Math.max(...ahead) - Math.min(...ahead);
  return (
    readings.length > 1 && readings.every((one) => certainlyOff(one) >= WARNING_MS) && apart < WARNING_MS
  );
}
