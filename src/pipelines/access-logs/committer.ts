import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Receipt } from '../pipeline.js';
import { GroupLoader } from '../group-loader.js';
import { askedTogether, type Crowd } from './asked-together.js';
import { commitOffsets } from './offsets.js';
import type { AccessLogOrder, Source } from './order.js';
import { sourceKeyOf } from './sources.js';
import type { OrderBook } from './order-book.js';

/** What committing works with. */
export interface CommitterParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly book: OrderBook;
  readonly crowd: Crowd;
  readonly metrics: Metrics;
  readonly log: Log;
}

interface Delivered {
  readonly order: AccessLogOrder;
  readonly receipt: Receipt;
}

/**
 * Writes deliveries down. The order book first, and whoever commits waits for that; deliveries that come while a
 * write is under way share the next one, so that ClickHouse gets a few inserts with many rows, not many with one.
 * The offsets follow from the book, so they are written behind, by count or time, and nothing is lost when the
 * process ends before: the next start brings them up to the book.
 */
export class Committer {
  readonly #parts: CommitterParts;
  readonly #writes: GroupLoader<Delivered, undefined>;
  readonly #underWay = new Set<Promise<undefined>>();
  #sources = new Map<string, Source>();
  #ordersSinceFlush = 0;
  #timer: NodeJS.Timeout | undefined;
  /** True from a failed flush to the next one that ends well. */
  #isFailing = false;
  #flushing: Promise<void> = Promise.resolve();

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#writes = new GroupLoader({
      ...askedTogether(parts.crowd),
      load: (deliveries) => this.#write(deliveries),
      // What is written together shares its fate: every one of the orders is tried again.
      isCommon: () => true,
    });
  }

  /** Resolves when the order book has the delivery; never given up, since what has been delivered is to be written down. */
  async commit(order: AccessLogOrder, receipt: Receipt): Promise<void> {
    const written = this.#writes.load({ order, receipt });
    this.#underWay.add(written);
    try {
      await written;
    } finally {
      this.#underWay.delete(written);
    }
    this.#noteForOffsets(order);
  }

  /** Writes the offsets that are still held back. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#flush('shutdown');
  }

  async #write(deliveries: readonly Delivered[]): Promise<undefined[]> {
    const stop = this.#parts.metrics.commitSeconds.startTimer();
    try {
      await this.#parts.book.delivered(deliveries, this.#timeout());
    } finally {
      stop();
    }
    return deliveries.map(() => undefined);
  }

  #noteForOffsets(order: AccessLogOrder): void {
    const { settings } = this.#parts;
    this.#sources.set(sourceKeyOf(order), { raftSession: order.raftSession, bucket: order.bucket });
    this.#ordersSinceFlush += 1;
    if (this.#ordersSinceFlush >= settings['offset.flush-count-threshold']) {
      void this.#flush('count');
      return;
    }
    this.#flushLater();
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(
      () => void this.#flush('time'),
      this.#parts.settings['offset.flush-time-threshold-ms'],
    );
  }

  /** One flush at a time. A failure is logged and the sources are kept for the next one. */
  #flush(reason: 'count' | 'time' | 'shutdown'): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(() => this.#flushNow(reason));
    return this.#flushing;
  }

  async #flushNow(reason: string): Promise<void> {
    const { clickhouse, tables, metrics, log } = this.#parts;
    const sources = [...this.#sources.values()];
    if (sources.length === 0) return;
    this.#sources = new Map();
    this.#ordersSinceFlush = 0;
    metrics.commitFlushes.inc({ reason });
    try {
      await commitOffsets(clickhouse, tables, sources, this.#timeout());
      metrics.commitOffsetsFlushed.inc({ status: 'success' }, sources.length);
      if (this.#isFailing) log.info({ sources: sources.length }, 'offsets are written again');
      this.#isFailing = false;
    } catch (err) {
      metrics.commitOffsetsFlushed.inc({ status: 'failed' }, sources.length);
      // Once for an outage, however long it lasts.
      log[this.#isFailing ? 'debug' : 'warn'](
        { err, sources: sources.length },
        'offsets could not be written; they will be with the next ones',
      );
      this.#isFailing = true;
      for (const source of sources) this.#sources.set(sourceKeyOf(source), source);
      if (reason !== 'shutdown') this.#flushLater();
    }
  }

  #timeout(): AbortSignal {
    return AbortSignal.timeout(Math.ceil(this.#parts.settings['timeout.commit-operation-seconds'] * 1000));
  }
}
