import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';

/** The last delivery of a bucket that is known. */
export interface LastDelivery {
  /** Ms since 1970. */
  readonly atMs: number;
  /** Buckets that it wrote into. */
  readonly targets: readonly string[];
  /** Raft sessions of orders that were delivered. */
  readonly raftSessions: readonly number[];
}

const deliveryRow = z.object({
  bucketName: z.string(),
  atMs: z.number(),
  targets: z.array(z.string()),
  raftSessions: z.array(z.number()),
});

/** Deliveries are looked for again that are so old at the last look, for the clocks of processes differ; in ms. */
const OVERLAP_MS = 300_000;

const DAY_MS = 86_400_000;

/**
 * Remembers when each bucket was delivered last. Each look reads what was delivered since the one before, and one day
 * of the past, until the whole book has been read, the newest day first.
 */
export class LastDeliveries {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #last = new Map<string, LastDelivery>();
  /** When it looked last, in ms. */
  #lookedAt: number | undefined;
  /** Orders made before, in ms, have not been looked at. */
  #backTo = 0;

  constructor(clickhouse: ClickHouse, tables: Tables) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
  }

  /** By bucket. */
  get last(): ReadonlyMap<string, LastDelivery> {
    return this.#last;
  }

  /**
   * Looks once.
   *
   * @param nowMs ClickHouse's clock
   * @param bookFromMs no order is kept that was made before
   */
  async look(nowMs: number, bookFromMs: number, signal?: AbortSignal): Promise<void> {
    const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
    if (this.#lookedAt === undefined) {
      // Orders of before midnight are delivered after it.
      await this.#read({ orderedFrom: today - DAY_MS, orderedTo: Infinity, changedFrom: 0 }, signal);
      this.#backTo = today - DAY_MS;
    } else {
      const changedFrom = this.#lookedAt - OVERLAP_MS;
      await this.#read({ orderedFrom: 0, orderedTo: Infinity, changedFrom }, signal);
      if (this.#backTo > bookFromMs) {
        const orderedFrom = this.#backTo - DAY_MS;
        await this.#read({ orderedFrom, orderedTo: this.#backTo, changedFrom: 0 }, signal);
        this.#backTo = orderedFrom;
      }
    }
    this.#lookedAt = nowMs;
  }

  async #read(
    {
      orderedFrom,
      orderedTo,
      changedFrom,
    }: Readonly<Record<'orderedFrom' | 'orderedTo' | 'changedFrom', number>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const rows = await this.#clickhouse.query(
      deliveryRow,
      `SELECT bucketName, toUnixTimestamp64Milli(max(updatedAt)) AS atMs,
         argMax(arraySort(arrayDistinct(arrayMap(o -> o.1, objects))), updatedAt) AS targets,
         groupUniqArray(raftSessionID) AS raftSessions
       FROM ${this.#tables.workOrders}
       WHERE state = 'delivered' AND updatedAt >= fromUnixTimestamp64Milli({changedFrom:Int64})
         AND orderedAt >= fromUnixTimestamp64Milli({orderedFrom:Int64})
         AND orderedAt < fromUnixTimestamp64Milli({orderedTo:Int64})
       GROUP BY bucketName`,
      {
        doing: 'look for the last delivery of each bucket',
        parameters: { orderedFrom, changedFrom, orderedTo: Math.min(orderedTo, LAST_TIME_MS) },
        ...(signal === undefined ? {} : { signal }),
      },
    );
    for (const { bucketName, ...delivery } of rows) {
      const before = this.#last.get(bucketName);
      const last = before === undefined || delivery.atMs >= before.atMs ? delivery : before;
      const raftSessions = new Set([...(before?.raftSessions ?? []), ...delivery.raftSessions]);
      this.#last.set(bucketName, { ...last, raftSessions: [...raftSessions] });
    }
  }
}

/** Later than any order, and within what ClickHouse can compare. */
const LAST_TIME_MS = Date.UTC(2200, 0, 1);
