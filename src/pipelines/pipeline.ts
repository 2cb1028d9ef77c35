import type { z } from 'zod';

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
export interface DiscoveryContext extends DiscoveryShard {
  readonly signal: AbortSignal;
  /**
   * How many ms from now this discovery is certain to be the only one of its shard. An order must not enter the
   * order book after that.
   */
  readonly leaseRemainingMs: () => number;
  /** Time up to which an earlier discovery counted the records that go nowhere, ISO 8601. */
  readonly countedUpTo?: string | undefined;
}

/** What a discovery found. */
export interface Discovery<Order extends WorkOrder> {
  /** New orders, already in the order book. */
  readonly orders: readonly Order[];
  /** Hand this to the next discovery as `countedUpTo`. */
  readonly countedUpTo: string;
  /** True when the order book holds too many open orders to make further ones. */
  readonly saturated: boolean;
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
}

/** Failed orders with the same cause. */
export interface FailureGroup {
  readonly code: string;
  readonly reason: string;
  readonly sources: readonly string[];
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
  /** In orders that are open, failed or skipped. */
  readonly outstanding: number;
  readonly objects: number;
  readonly orders: Readonly<Record<OrderState, number>>;
}

/** Which failed orders to put back. */
export interface RetryFilter {
  readonly source?: string | undefined;
  readonly order?: string | undefined;
}

/**
 * One kind of record on its way. A pipeline is the only thing that knows its records: queues, processors, dashboard
 * and audit are written once, against this interface.
 */
export interface Pipeline<Order extends WorkOrder = WorkOrder> {
  readonly name: string;
  /** Validates a job's payload when a job is taken, not only when it is added. */
  readonly orderSchema: z.ZodType<Order>;
  /** Finds what is ready and writes new orders into the order book. */
  discover(context: DiscoveryContext): Promise<Discovery<Order>>;
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
  /** Orders that failed. */
  failed(filter: RetryFilter): Promise<readonly FailedOrder<Order>[]>;
  /** Marks failed orders as open again, so that they can be enqueued. */
  reopen(orders: readonly Order[]): Promise<void>;
  status(): Promise<PipelineStatus>;
  /** Compares source and destination: by the order book's counts, or, deep, by reading what was delivered. */
  audit(options: { readonly deep: boolean; readonly signal?: AbortSignal }): Promise<AuditReport>;
  /** Writes what is still held back for batching, and lets go of everything. */
  close(): Promise<void>;
}
