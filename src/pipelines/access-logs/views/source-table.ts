import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { Settings } from '../../../config/settings.js';
import type { OrderState } from '../../pipeline.js';
import type { SourceFigures, SourcesReport } from '../../views.js';
import type { StateReader } from '../circumstances.js';
import type { Source } from '../order.js';
import { queryDays } from '../unsettled.js';
import { UNDELIVERED_SQL } from './failures.js';
import { LastDeliveries } from './last-deliveries.js';
import { byBucket, NotOrderedTable, type Unordered } from './not-ordered-table.js';

/** What the table of sources is read with. */
export interface SourceTableParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly state: StateReader;
}

const unsettledRow = z.object({
  bucketName: z.string(),
  state: z.enum(['open', 'failed']),
  orders: z.number(),
  records: z.number(),
  oldestSeconds: z.number(),
  raftSessions: z.array(z.number()),
});

type UnsettledRow = z.infer<typeof unsettledRow>;

/** Part of the time that may go into counting what is delivered. */
const COUNTING_SHARE = 0.02;

const knownRow = z.object({ bucketName: z.string(), raftSessions: z.array(z.number()) });

const countRow = z.object({ orders: z.number() });

/**
 * Where every bucket stands. It remembers what it has seen, so that a look reads what is new: arrivals, orders that are
 * not settled, and deliveries.
 */
export class SourceTable {
  readonly #parts: SourceTableParts;
  readonly #notOrdered: NotOrderedTable;
  readonly #deliveries: LastDeliveries;
  /** Buckets that were delivered once, by this or another program. */
  #known: ReadonlySet<string> | undefined;
  /** The raft sessions of each bucket that were ever seen. */
  readonly #sessions = new Map<string, Set<number>>();
  #looking: Promise<SourcesReport> | undefined;
  /** When it looked last: by ClickHouse's clock, in seconds, and by ours, in ms. */
  #lookedAt: { readonly seconds: number; readonly ms: number } | undefined;
  /** Orders that are delivered, when they were counted, and how long that took; ms. */
  #delivered: { readonly orders: number; readonly at: number; readonly tookMs: number } | undefined;

  constructor(parts: SourceTableParts) {
    this.#parts = parts;
    this.#notOrdered = new NotOrderedTable(parts.clickhouse, parts.tables);
    this.#deliveries = new LastDeliveries(parts.clickhouse, parts.tables);
  }

  /** Looks once. Those who ask during a look share it. */
  look(signal?: AbortSignal): Promise<SourcesReport> {
    this.#looking ??= this.#look(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(signal?: AbortSignal): Promise<SourcesReport> {
    const { settings, state } = this.#parts;
    const now = await state.read(signal);
    const retainedFrom = now.now - Math.ceil(settings['retention.record-hours'] * 3600);
    const bookFromMs = (now.now - settings['order-book.retention-days'] * 86_400) * 1000;
    this.#known ??= await this.#readKnown(signal);
    await this.#notOrdered.look(now, retainedFrom, signal);
    const unsettled = await this.#unsettled(signal);
    await this.#deliveries.look(now.now * 1000, bookFromMs, signal);
    for (const { bucketName, raftSessions } of unsettled) this.#see(bucketName, raftSessions);
    for (const { bucket, raftSession } of this.#notOrdered.candidates) this.#see(bucket, [raftSession]);
    this.#lookedAt = { seconds: now.now, ms: performance.now() };
    return {
      at: new Date(now.now * 1000).toISOString(),
      sources: this.#figures(unsettled),
      orders: await this.#counts(unsettled, signal),
    };
  }

  /** Looks, unless it has done so once. */
  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#lookedAt === undefined) await this.look(signal);
  }

  /** When it looked last, by ClickHouse's clock, in seconds; 0 when it never has. */
  get lookedAt(): number {
    return this.#lookedAt?.seconds ?? 0;
  }

  /** ClickHouse's clock, in seconds, without asking it. */
  get now(): number {
    const sinceMs = performance.now() - (this.#lookedAt?.ms ?? performance.now());
    return this.lookedAt + Math.floor(sinceMs / 1000);
  }

  /** Whether something of a bucket is known to have been delivered, by this or another program. */
  knows(bucket: string): boolean {
    return this.#deliveries.last.has(bucket) || this.#known?.has(bucket) === true;
  }

  /** The raft sessions of a bucket, as far as they are known. */
  sourcesOf(bucket: string): readonly Source[] {
    const delivered = this.#deliveries.last.get(bucket)?.raftSessions ?? [];
    return [...new Set([...(this.#sessions.get(bucket) ?? []), ...delivered])].map((raftSession) => ({
      bucket,
      raftSession,
    }));
  }

  /** Counts what a bucket has waiting that no order has. */
  unordered(bucket: string, signal?: AbortSignal): Promise<Unordered | undefined> {
    return this.#notOrdered.count(bucket, this.now, signal);
  }

  #figures(unsettled: readonly UnsettledRow[]): readonly SourceFigures[] {
    const waiting = new Map<string, Unordered>(byBucket(this.#notOrdered.candidates));
    for (const { bucketName, records, oldestSeconds } of unsettled) {
      const before = waiting.get(bucketName);
      waiting.set(bucketName, {
        records: records + (before?.records ?? 0),
        oldestSeconds: Math.min(oldestSeconds, before?.oldestSeconds ?? Infinity),
      });
    }
    const { last } = this.#deliveries;
    const names = new Set([...(this.#known ?? []), ...waiting.keys(), ...last.keys()]);
    return [...names].map((source) => {
      const one = waiting.get(source);
      const delivery = last.get(source);
      const isWaiting = one !== undefined && one.records > 0;
      return {
        source,
        waitingRecords: isWaiting ? one.records : 0,
        oldestAt: isWaiting ? new Date(one.oldestSeconds * 1000).toISOString() : null,
        lastDeliveredAt: delivery === undefined ? null : new Date(delivery.atMs).toISOString(),
        targets: delivery?.targets ?? [],
      };
    });
  }

  async #counts(
    unsettled: readonly UnsettledRow[],
    signal?: AbortSignal,
  ): Promise<Readonly<Record<OrderState, number>>> {
    const { clickhouse, tables } = this.#parts;
    const sum = (rows: readonly { readonly orders: number }[]): number =>
      rows.reduce((all, { orders }) => all + orders, 0);
    const options = { doing: 'count work orders', ...(signal === undefined ? {} : { signal }) };
    const skipped = await queryDays(clickhouse, tables, ['skipped'], countRow, {
      ...options,
      sql: (orders) => `SELECT count() AS orders FROM ${orders}`,
    });
    return {
      open: sum(unsettled.filter(({ state }) => state === 'open')),
      failed: sum(unsettled.filter(({ state }) => state === 'failed')),
      skipped: sum(skipped),
      delivered: await this.#countDelivered(signal),
    };
  }

  /** Reads one column of the whole book, and so, the longer that takes, the less often. */
  async #countDelivered(signal?: AbortSignal): Promise<number> {
    const began = performance.now();
    const before = this.#delivered;
    if (before !== undefined && began - before.at < before.tookMs / COUNTING_SHARE) return before.orders;
    const { clickhouse, tables } = this.#parts;
    const [counted] = await clickhouse.query(
      countRow,
      `SELECT count() AS orders FROM ${tables.workOrders} WHERE state = 'delivered'`,
      { doing: 'count delivered work orders', ...(signal === undefined ? {} : { signal }) },
    );
    const orders = counted?.orders ?? 0;
    const now = performance.now();
    this.#delivered = { orders, at: now, tookMs: now - began };
    return orders;
  }

  async #unsettled(signal?: AbortSignal): Promise<readonly UnsettledRow[]> {
    const { clickhouse, tables } = this.#parts;
    return queryDays(clickhouse, tables, ['open', 'failed'], unsettledRow, {
      sql: (orders) => `SELECT bucketName, state, count() AS orders, sum(${UNDELIVERED_SQL}) AS records,
          toUnixTimestamp(min(oldestInsertedAt)) AS oldestSeconds, groupUniqArray(raftSessionID) AS raftSessions
        FROM ${orders} GROUP BY bucketName, state`,
      doing: 'count what is ordered and not delivered',
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #readKnown(signal?: AbortSignal): Promise<ReadonlySet<string>> {
    const { clickhouse, tables } = this.#parts;
    const rows = await clickhouse.query(
      knownRow,
      `SELECT bucketName, groupUniqArray(raftSessionID) AS raftSessions FROM ${tables.offsets} GROUP BY bucketName`,
      { doing: 'read which buckets there are', ...(signal === undefined ? {} : { signal }) },
    );
    for (const { bucketName, raftSessions } of rows) this.#see(bucketName, raftSessions);
    return new Set(rows.map(({ bucketName }) => bucketName));
  }

  #see(bucket: string, raftSessions: readonly number[]): void {
    const seen = this.#sessions.get(bucket) ?? new Set();
    for (const raftSession of raftSessions) seen.add(raftSession);
    this.#sessions.set(bucket, seen);
  }
}
