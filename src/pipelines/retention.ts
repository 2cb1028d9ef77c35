import type { OrderState } from './pipeline.js';

/** Undelivered records of one source that stand for the same reason, and that the source will soon remove. */
export interface ExpiringRecords {
  readonly source: string;
  readonly records: number;
  /** When the oldest of them came in, ISO 8601. */
  readonly oldestAt: string;
  /** When the source may remove that one, ISO 8601; it can lie in the past. */
  readonly deadline: string;
  /** Where they stand: no order has them yet, or one that is open or failed. */
  readonly state: 'not ordered' | Exclude<OrderState, 'skipped' | 'delivered'>;
  /** Why their orders failed: {@link Failure.code}; empty unless they did. */
  readonly code: string;
}

/** An order that failed for ever: the source has removed records of it. */
export interface ExpiredOrder {
  readonly order: string;
  readonly source: string;
  /** Records that are gone undelivered, as counted now; the number can still grow while others reach their end. */
  readonly lost: number;
  readonly code: string;
}

/** What will be lost, and what is lost, if nobody does anything. */
export interface RetentionReport {
  /** The source's time of this look, ISO 8601. */
  readonly at: string;
  /** Undelivered records that are near the end of their retention. */
  readonly records: number;
  /** How many sources they are from. */
  readonly sources: number;
  /** When the first of them may be lost, ISO 8601; null when none is near its end. */
  readonly deadline: string | null;
  /** The nearest deadlines first; not all of them when there are very many. */
  readonly expiring: readonly ExpiringRecords[];
  /** Whether {@link RetentionReport.expiring} has all of them. */
  readonly complete: boolean;
  readonly expired: readonly ExpiredOrder[];
}
