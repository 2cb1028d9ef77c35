import type { z } from 'zod';
import type { EngineNeeds, PipelineEngine } from './engine.js';
import type { DoctorContext, Finding } from './finding.js';
import type { ManifestContext, ManifestRun } from './manifest-writer.js';
import type { RetentionReport } from './retention.js';
import type { FailedGroup, PipelineViews } from './views.js';

/**
 * "Deliver the records of this source with offset in (after, upTo]": fixed boundaries, in the order book before
 * anything is uploaded. Each pipeline adds what it needs to find the records again.
 */
export interface WorkOrder {
  /** 16 hex digits, derived from pipeline, source and boundaries: the same order always has the same id. */
  readonly id: string;
  /** What the records are from, in a few words, for people: the bucket, the table. */
  readonly source: string;
  /** Records counted when the order was made; late ones may have joined since. */
  readonly records: number;
  /** When the oldest record came in, ISO 8601: older orders go first. */
  readonly oldestAt: string;
}

/** One object that a delivery wrote. */
export interface DeliveredObject {
  /** Bucket, or whatever names the place at the destination. */
  readonly bucket: string;
  /** What the owner of the place wants its keys to begin with. */
  readonly prefix: string;
  readonly key: string;
  readonly records: number;
  readonly bytes: number;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
}

/** One delivery of an order, as the order book keeps it. */
export interface Delivery {
  /** When, ISO 8601. */
  readonly at: string;
  readonly records: number;
  readonly bytes: number;
  /** Which process. */
  readonly by: string;
}

/** An order that somebody gave up on purpose. */
export interface Skip {
  /** Who. */
  readonly by: string;
  /** Why, in their words. */
  readonly reason: string;
  /** Records that stay undelivered by it. */
  readonly records: number;
  /** When, ISO 8601. */
  readonly at: string;
}

/** An order that somebody gave up. */
export interface SkippedOrder<Order extends WorkOrder> {
  readonly order: Order;
  readonly skip: Skip;
  /** Set when it had been given up before: nothing was changed. */
  readonly already?: true;
}

/** Where one order stands. */
export interface FoundOrder<Order extends WorkOrder> {
  readonly order: Order;
  readonly state: OrderState;
  /** Who gave it up, when somebody did. */
  readonly skip?: Skip | undefined;
}

/** What a delivery produced. */
export interface Receipt {
  readonly objects: readonly DeliveredObject[];
  readonly records: number;
  readonly bytes: number;
  /** Deliveries of the same order before this one, which lacked late records; oldest first. */
  readonly earlier: readonly Delivery[];
  /** Set when there was nothing to do: the order book had the order as delivered or skipped already. */
  readonly already?: 'delivered' | 'skipped';
}

/** Why an order could not be delivered, as the order book and the board show it. */
export interface Failure {
  /** Short machine-readable cause: an S3 error code such as `NoSuchBucket`, or a name of our own. */
  readonly code: string;
  /** One sentence or several for an operator. */
  readonly reason: string;
  /** What could not be delivered to; left out for a failure that is of no target. */
  readonly targets?: readonly string[];
  /** Objects that did arrive, so that the next attempt need not repeat them. */
  readonly objects: readonly DeliveredObject[];
}

/** How a delivery tells what it is doing. */
export interface DeliveryContext {
  readonly signal: AbortSignal;
  /** Records one step in words, and how far the order is (0 to 100). */
  readonly report: (step: string, percent: number) => void;
}

/** Which part of the sources one discovery looks at: those whose shard key modulo `shards` is `shard`. */
export interface DiscoveryShard {
  readonly shard: number;
  readonly shards: number;
}

/** What a discovery may rely on. */
export interface DiscoveryContext<Order extends WorkOrder = WorkOrder> extends DiscoveryShard {
  readonly signal: AbortSignal;
  /**
   * How many ms from now this discovery is certain to be the only one of its shard. An order must not enter the
   * order book after that.
   */
  readonly leaseRemainingMs: () => number;
  /** Time up to which an earlier discovery counted the records that go nowhere, ISO 8601. */
  readonly countedUpTo?: string | undefined;
  /** What the last discovery of the shard said in {@link Discovery.progress}; without it, all is looked at. */
  readonly progress?: string | undefined;
  /**
   * Takes new orders as soon as they are in the order book, and answers whether to go on with further sources. Without
   * it a discovery ends after `consumer.max-buckets-per-discovery`.
   */
  readonly take?: ((orders: readonly Order[]) => Promise<boolean>) | undefined;
}

/** What a discovery found. */
export interface Discovery<Order extends WorkOrder> {
  /** New orders, already in the order book. */
  readonly orders: readonly Order[];
  /** Hand this to the next discovery as `countedUpTo`. */
  readonly countedUpTo: string;
  /** Hand this to the next discovery as `progress`; it says how far the source has been looked through. */
  readonly progress?: string;
  /** When the oldest record came in that waits and that no order has, about, ISO 8601; null when none waits. */
  readonly waitingSince?: string | null;
  /** True when the order book holds too many open orders to make further ones. */
  readonly saturated: boolean;
  /** Rows that the store read to find what is ready, as it says itself. */
  readonly rowsRead: number;
}

/** Where orders can be: open (to be delivered), failed (waiting for an operator), skipped, delivered. */
export type OrderState = 'open' | 'failed' | 'skipped' | 'delivered';

/** An order that failed, for `status`, `retry` and the pages. */
export interface FailedOrder<Order extends WorkOrder> {
  readonly order: Order;
  readonly code: string;
  readonly reason: string;
  /** When it failed, ISO 8601. */
  readonly failedAt: string;
}

/** The state of a pipeline in figures. */
export interface PipelineStatus {
  readonly pipeline: string;
  /** Records that are eligible and not delivered, ordered or not. */
  readonly undeliveredRecords: number;
  /** Age of the oldest of them in seconds; null when there is none. */
  readonly oldestAgeSeconds: number | null;
  readonly orders: Readonly<Record<OrderState, number>>;
  readonly failures: readonly FailureGroup[];
  /** Records in the orders that were given up. */
  readonly skippedRecords: number;
  readonly nearRetention: RetentionReport;
  /** What holds sources up without being a failure; none when left out. */
  readonly notes?: readonly SourceNote[];
}

/** What holds a source up without being a failure. */
export interface SourceNote {
  readonly source: string;
  /** In a sentence for people. */
  readonly note: string;
}

/** Failed orders with the same cause. */
export interface FailureGroup {
  readonly code: string;
  readonly reason: string;
  readonly sources: readonly string[];
  /** Ids of the orders, not all of them when there are many. */
  readonly orderIds: readonly string[];
  readonly orders: number;
  readonly records: number;
}

/** What an audit found. */
export interface AuditReport {
  readonly pipeline: string;
  /** Eligible records at the source. */
  readonly records: number;
  /** Of them, those that are in a log object. */
  readonly delivered: number;
  /** Records that should be in a log object (their order is delivered, or an offset has passed them) and are not. */
  readonly missing: number;
  /** Copies too many. */
  readonly duplicated: number;
  /** Eligible, but not ordered yet. */
  readonly undelivered: number;
  /** In orders that are open or failed. */
  readonly outstanding: number;
  /** In orders that somebody gave up. */
  readonly skipped: number;
  readonly objects: number;
  readonly orders: Readonly<Record<OrderState, number>>;
}

/** Which delivered orders to count again. */
export interface LateOptions {
  /** Those delivered within this many hours. */
  readonly windowHours: number;
  readonly signal?: AbortSignal | undefined;
}

/** What joined orders after their delivery. */
export interface LateRecords<Order extends WorkOrder> {
  /** Delivered orders that have more records now than were delivered: to be delivered again. */
  readonly orders: readonly Order[];
  /** Records that they have more. */
  readonly records: number;
  /** Orders delivered within the window, all of which were looked at. */
  readonly ordersExamined: number;
  /** Records that were delivered by them. */
  readonly recordsExamined: number;
  /** Rows that the store read for this, as it says itself: what the look cost. */
  readonly rowsRead: number;
}

/** What a pipeline may do with what it keeps at its source. */
export interface PrepareOptions {
  /** Make what is missing; else only see whether it is there. */
  readonly apply: boolean;
  readonly signal?: AbortSignal;
}

/** How what the pipeline keeps at its source stands now. */
export interface Prepared {
  /** What was made now, in words; empty when all was there. */
  readonly applied: readonly string[];
  /** Of the whole, where versions are counted. */
  readonly version?: number;
}

/** Which failed orders to put back: all that fit what is given. */
export interface RetryFilter {
  readonly source?: string | undefined;
  readonly order?: string | undefined;
  /** Those of one group of failures. */
  readonly group?: Pick<FailedGroup, 'code' | 'targets'> | undefined;
  readonly shard?: DiscoveryShard | undefined;
  /** Those that failed so long ago, by the order book's own clock. */
  readonly failedForSeconds?: number | undefined;
  /** At most so many, those that failed the longest ago. */
  readonly limit?: number | undefined;
}

/**
 * One kind of record on its way. A pipeline is the only thing that knows its records: queues, processors, dashboard
 * and audit are written once, against this interface.
 */
export interface Pipeline<Order extends WorkOrder = WorkOrder> extends PipelineViews {
  readonly name: string;
  /** The engines that it works with, beside Redis. */
  readonly engines: readonly PipelineEngine[];
  readonly needs: EngineNeeds;
  /**
   * The engine that an error of a delivery speaks of as not to be reached, or broken off in mid-answer: such an error
   * says nothing about the order. Of a delivery with several targets one such failure is enough, since that target was
   * not tried.
   *
   * @returns its name; undefined for an answer of the engine, and for all other errors
   */
  readonly engineAwayOf: (error: unknown) => string | undefined;
  /** How long a delivery may take, in seconds; `timeout.upload-operation-seconds` when left out. */
  readonly timeoutSeconds?: number;
  /**
   * Sees to what the pipeline keeps at its source: tables of the order book, for one. What a process does before
   * anything else with the pipeline, once the engines of discovery answer.
   *
   * @throws when something is missing that is not to be made, or is of another version
   */
  prepare(options: PrepareOptions): Promise<Prepared>;
  /** The statements that make what it keeps at its source, for people who do that themselves. */
  schemaText?(): string;
  /** Validates a job's payload when a job is taken, not only when it is added. */
  readonly orderSchema: z.ZodType<Order>;
  /** Tells whether an order costs so little that many may be under way beside the others. */
  isSmall(order: Order): boolean;
  /** Finds what is ready and writes new orders into the order book. */
  discover(context: DiscoveryContext<Order>): Promise<Discovery<Order>>;
  /** What {@link Pipeline.discover} would order now, without ordering it; oldest first. */
  preview(signal?: AbortSignal): Promise<readonly Order[]>;
  /** Orders in the book that are open: enqueued again when Redis forgot them. */
  outstanding(shard: DiscoveryShard): Promise<readonly Order[]>;
  /** Delivers an order. The same order always makes the same objects. */
  deliver(order: Order, context: DeliveryContext): Promise<Receipt>;
  /** Writes down what was delivered. Idempotent and monotone; resolves when the order book has it. */
  commit(order: Order, receipt: Receipt): Promise<void>;
  /** Writes down that an order failed and waits for an operator. Never undoes a delivery. */
  fail(order: Order, failure: Failure): Promise<void>;
  /** Orders that failed, the one that failed the longest ago first. */
  failed(filter: RetryFilter): Promise<readonly FailedOrder<Order>[]>;
  /** Marks failed orders as open again, so that they can be enqueued. */
  reopen(orders: readonly Order[]): Promise<void>;
  /** Looks an order up; undefined when the order book does not have it. */
  find(orderId: string): Promise<FoundOrder<Order> | undefined>;
  /**
   * Gives an order up: it will not be delivered, and offsets go on past it. A delivery that is under way may still win.
   *
   * @param which the order, or its id alone, by which it takes longer to find
   * @throws {NoSuchOrderError} {@link AlreadyDeliveredError}
   */
  skip(which: string | Order, given: Pick<Skip, 'by' | 'reason'>): Promise<SkippedOrder<Order>>;
  /** Undelivered records that are near the end of their retention at the source, or beyond it. */
  nearRetention(signal?: AbortSignal): Promise<RetentionReport>;
  status(): Promise<PipelineStatus>;
  /** Compares source and destination: by the order book's counts, or, deep, by reading what was delivered. */
  audit(options: { readonly deep: boolean; readonly signal?: AbortSignal }): Promise<AuditReport>;
  /** Counts orders that were delivered lately again: late records may have joined them since. */
  findLate(options: LateOptions): Promise<LateRecords<Order>>;
  /** Writes the manifests that are due: which objects were delivered, with counts and digests. */
  writeManifests?(context: ManifestContext): Promise<ManifestRun>;
  /**
   * Looks at what the pipeline needs at its source and its destination, for `log-courier doctor`. What is wrong is
   * answered, not thrown.
   */
  doctor?(context: DoctorContext): Promise<readonly Finding[]>;
  /** Writes what is still held back for batching, and lets go of everything. */
  close(): Promise<void>;
}
