import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Receipt } from '../pipeline.js';
import { LINGER_MS } from './asked-together.js';
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
  readonly metrics: Metrics;
  readonly log: Log;
}

interface Waiting {
  readonly order: AccessLogOrder;
  readonly receipt: Receipt;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes deliveries down. The order book first, and whoever commits waits for that; deliveries that come while a
 * write is under way share the next one, so that ClickHouse gets a few inserts with many rows, not many with one.
 * The offsets follow from the book, so they are written behind, by count or time, and nothing is lost when the
 * process ends before: the next start brings them up to the book.
 */
export class Committer {
  readonly #parts: CommitterParts;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #sources = new Map<string, Source>();
  #ordersSinceFlush = 0;
  #timer: NodeJS.Timeout | undefined;
  /** True from a failed flush to the next one that ends well. */
  #isFailing = false;
  #flushing: Promise<void> = Promise.resolve();

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Resolves when the order book has the delivery. */
  async commit(order: AccessLogOrder, receipt: Receipt): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ order, receipt, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
    this.#noteForOffsets(order);
  }

  /** Writes the offsets that are still held back. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#flush('shutdown');
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Deliveries that end at about the same time go together.
      await sleep(LINGER_MS);
      const batch = this.#waiting;
      this.#waiting = [];
      const stop = this.#parts.metrics.commitSeconds.startTimer();
      try {
        await this.#parts.book.delivered(batch, this.#timeout());
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      } finally {
        stop();
      }
    }
    this.#writing = undefined;
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
