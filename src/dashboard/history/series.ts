import type { History, HistoryPoint } from '../api/shapes.js';
import { MINUTE_MS, type KeptMinute, type MinuteCounts } from './store.js';

/** Minutes of each span. */
const SPANS: Readonly<Record<History['span'], number>> = { hour: 60, day: 24 * 60 };

/** Minutes that have ended lately are asked for again: what happened in them may have been written down late. */
export const UNSETTLED_MINUTES = 4;

/** Minutes that are asked for at a time. */
const ASKED_AT_A_TIME = 60;

/** A part of a history that the order book is to be asked for: [from, to), numbers of minutes. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The points of a span up to the minute that runs, which is not among them. */
export function historyPoints(
  minutes: ReadonlyMap<number, KeptMinute>,
  span: History['span'],
  nowMs: number,
): readonly HistoryPoint[] {
  const current = Math.floor(nowMs / MINUTE_MS);
  return Array.from({ length: SPANS[span] }, (_, position) => {
    const minute = current - SPANS[span] + position;
    const { figures, backlog } = minutes.get(minute) ?? {};
    return {
      at: new Date(minute * MINUTE_MS).toISOString(),
      records: figures?.records ?? null,
      objects: figures?.objects ?? null,
      failures: figures?.failures ?? null,
      lagP50Seconds: figures?.lagP50Seconds ?? null,
      lagP99Seconds: figures?.lagP99Seconds ?? null,
      backlogRecords: backlog ?? null,
    };
  });
}

/**
 * What the order book is to be asked for next: the minutes that have ended last, always; and the newest stretch of which
 * nothing is known, because nobody was there, or Redis has forgotten it.
 *
 * @param current the number of the minute that runs
 * @param oldest the number of the oldest minute that is kept
 */
export function missingStretch(
  minutes: ReadonlyMap<number, KeptMinute>,
  current: number,
  oldest: number,
): Stretch | undefined {
  for (let last = current - 1; last >= oldest; last -= 1) {
    if (minutes.get(last)?.figures !== undefined) continue;
    return { from: Math.max(oldest, last + 1 - ASKED_AT_A_TIME), to: last + 1 };
  }
  return undefined;
}

/**
 * What is to be kept of a minute that has been asked for again. Nothing grows less: a failure that was tried again, or an
 * order that was delivered again, is gone from the book's last rows, and happened all the same.
 */
export function togetherWith(before: MinuteCounts | undefined, now: MinuteCounts): MinuteCounts {
  if (before === undefined) return now;
  return {
    records: Math.max(before.records, now.records),
    objects: Math.max(before.objects, now.objects),
    failures: Math.max(before.failures, now.failures),
    lagP50Seconds: now.lagP50Seconds ?? before.lagP50Seconds,
    lagP99Seconds: now.lagP99Seconds ?? before.lagP99Seconds,
  };
}
