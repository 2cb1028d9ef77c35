import type { DeliveredObject, OrderState, Skip, WorkOrder } from './pipeline.js';
import type { PipelineWords } from './words.js';

/** Where one source stands. */
export interface SourceFigures {
  readonly source: string;
  /** Eligible records that are not delivered, ordered or not. May count those of a minute too many that are ordered. */
  readonly waitingRecords: number;
  /** When the oldest of them came in, ISO 8601; null when none waits. */
  readonly oldestAt: string | null;
  /** When something of it was delivered last, ISO 8601; null when that is not known. */
  readonly lastDeliveredAt: string | null;
  /** Where that went; empty when it is not known. */
  readonly targets: readonly string[];
  /** What holds the source up without being a failure, in a sentence for people; left out when nothing does. */
  readonly note?: string | undefined;
}

/** Where every source of a pipeline stands. */
export interface SourcesReport {
  /** The source's time of this look, ISO 8601. */
  readonly at: string;
  readonly sources: readonly SourceFigures[];
  /** Orders in the order book. One that was delivered again may count twice among the delivered for a while. */
  readonly orders: Readonly<Record<OrderState, number>>;
}

/** Failed orders with the same code and the same targets. */
export interface FailedGroup {
  readonly code: string;
  /** Of the one that failed last. */
  readonly reason: string;
  /** What could not be delivered to; empty for a failure that is of no target. */
  readonly targets: readonly string[];
  /** When the first of them failed, ISO 8601, however often it was tried since. */
  readonly since: string;
  readonly orders: number;
  /** Records of theirs that are in no object. */
  readonly records: number;
  /** All sources of theirs, by name. */
  readonly sources: readonly string[];
  /** When the source may remove the first of the records, ISO 8601; null when it never does. */
  readonly retentionEndsAt: string | null;
}

/** One order in the timeline of a source. */
export interface TimelineOrder {
  readonly id: string;
  readonly state: OrderState;
  /** ISO 8601, as all times here. */
  readonly orderedAt: string;
  /** When its state changed last. */
  readonly updatedAt: string;
  readonly records: number;
  readonly deliveredRecords: number;
  /** When its oldest record came in. */
  readonly oldestAt: string;
  /** Why it failed last, when it did and has not been delivered since. */
  readonly failure: { readonly code: string; readonly reason: string } | null;
  readonly skip: Skip | null;
  readonly objects: readonly DeliveredObject[];
}

/** Which part of a timeline. */
export interface TimelinePage {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

/** What became of the records of one source. */
export interface Timeline {
  /** The source's time of this look, ISO 8601. */
  readonly at: string;
  /** Newest first. */
  readonly orders: readonly TimelineOrder[];
  /** On all pages. */
  readonly totalOrders: number;
  /** Records that are not delivered, ordered or not, counted exactly. */
  readonly waitingRecords: number;
  /** When the oldest of them came in, ISO 8601; null when none waits. */
  readonly oldestAt: string | null;
  /** Every record that came in before is delivered, or was given up, ISO 8601; null when nothing is delivered yet. */
  readonly completeUpTo: string | null;
  /** When the source may remove the oldest record that waits, ISO 8601; null when none waits. */
  readonly retentionEndsAt: string | null;
  /** What holds the source up without being a failure, in a sentence for people; left out when nothing does. */
  readonly note?: string | undefined;
}

/** What happened within one minute. */
export interface MinuteFigures {
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly records: number;
  readonly objects: number;
  /** Orders that failed for good. */
  readonly failures: number;
  /** From an order's oldest record to its first delivery; null when none was delivered. */
  readonly lagP50Seconds: number | null;
  readonly lagP99Seconds: number | null;
}

/** The beginning of an object, as text. */
export interface ObjectText {
  readonly place: string;
  readonly key: string;
  /** Whole lines, or, when there is not even one, the beginning of the first. */
  readonly text: string;
  /** Whether the object goes on. */
  readonly truncated: boolean;
}

/**
 * What the dashboard shows of a pipeline. A dashboard asks again and again, so these must be cheap: none reads all
 * records that are kept, or the whole order book, each time. What a pipeline has not got it leaves out.
 */
export interface PipelineViews {
  readonly words: PipelineWords;
  /** Where all sources stand: to be asked every few seconds, by one caller at a time. */
  sources(signal?: AbortSignal): Promise<SourcesReport>;
  /** Failed orders, grouped, most orders first: to be asked every two seconds. */
  failures(signal?: AbortSignal): Promise<readonly FailedGroup[]>;
  /** What became of one source's records. */
  timeline(source: string, page: TimelinePage, signal?: AbortSignal): Promise<Timeline>;
  /**
   * What happened in each minute of [from, to), both full minutes in ms since 1970; minutes without anything may be
   * left out.
   */
  figures?(fromMs: number, toMs: number, signal?: AbortSignal): Promise<readonly MinuteFigures[]>;
  /**
   * The first lines of one of an order's objects; undefined when the book does not have it.
   *
   * @param about the order, and the source that it is of, which tells where to look
   * @throws {DestinationError} when the destination does not give it
   */
  objectHead?(
    about: Pick<WorkOrder, 'id' | 'source'>,
    index: number,
    signal?: AbortSignal,
  ): Promise<ObjectText | undefined>;
}
