import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { constantSql, WITH_CONSTANTS } from '../../clickhouse/constant.js';
import { ONE_THREAD } from '../../clickhouse/one-thread.js';
import type { Tables } from '../../clickhouse/tables.js';
import { GroupLoader } from '../group-loader.js';
import { askedTogether, type Crowd } from './asked-together.js';
import { CONSISTENT } from './consistent.js';
import type { AccessLogOrder } from './order.js';

/** Somebody else has set out to deliver more records of an order than this delivery has. */
export class SupersededError extends Error {
  override readonly name = 'SupersededError';

  /**
   * @param id the order's id
   * @param records records of this delivery
   * @param claimed records that the other one has
   */
  constructor(id: string, records: number, claimed: number) {
    super(
      `work order ${id}: this delivery has ${String(records)} records, another one ${String(claimed)}; ` +
        'this one gives up',
    );
  }
}

/**
 * Who may still write the objects of an order. Records that come late make an order grow, so that two deliveries of
 * it can have different numbers of records, and the smaller one may wake up at any time after the larger one.
 *
 * Whoever has more records than were ordered first **claims** that number, then aborts all uploads of the keys that
 * are in progress, and only then begins its own. Everybody **checks**, with the parts uploaded and before the object
 * appears, that nobody has claimed more. So of a smaller delivery either the check comes after the claim, and it gives
 * up, or its upload was begun before the claim, and is aborted. This needs no conditional writes.
 */
export class Claims {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #writer: string;
  /** Records that have been claimed, for orders that are looked up together. */
  readonly #claimed: GroupLoader<Order, number>;

  /**
   * @param crowd the orders that are delivered
   * @param writer who claims, see `writerName`
   */
  constructor(clickhouse: ClickHouse, tables: Tables, crowd: Crowd, writer: string) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#writer = writer;
    this.#claimed = new GroupLoader({
      ...askedTogether(crowd),
      load: (orders, signal) => this.#claimedFor(orders, signal),
    });
  }

  /** Says that so many records of an order are going to be delivered. */
  async claim({ id, raftSession }: Order, records: number, signal: AbortSignal): Promise<void> {
    const row = { raftSessionID: raftSession, orderId: id, records, claimedBy: this.#writer };
    await this.#clickhouse.insert(this.#tables.orderClaims, [row], {
      doing: `claim work order ${id}`,
      settings: CONSISTENT,
      signal,
    });
  }

  /**
   * Sees to it that nobody has claimed more.
   *
   * @throws {SupersededError} when somebody has
   */
  async check(order: Order, records: number, signal: AbortSignal): Promise<void> {
    const claimed = await this.#claimed.load(order, signal);
    if (claimed > records) throw new SupersededError(order.id, records, claimed);
  }

  async #claimedFor(orders: readonly Order[], signal: AbortSignal): Promise<number[]> {
    const keys = orders.map(({ raftSession, id }) => [raftSession, id]);
    const rows = await this.#clickhouse.query(
      z.object({ raftSession: z.number(), id: z.string(), claimed: z.number() }),
      `SELECT raftSessionID AS raftSession, orderId AS id, max(records) AS claimed FROM ${this.#tables.orderClaims}
       WHERE (raftSessionID, orderId) IN (${constantSql('Array(Tuple(UInt16, String))', keys)})
       GROUP BY raftSession, id`,
      {
        doing: `check that ${String(orders.length)} work order(s) are not superseded`,
        settings: { ...CONSISTENT_READ, ...WITH_CONSTANTS, ...ONE_THREAD },
        signal,
      },
    );
    const claimed = new Map(rows.map((row) => [row.id, row.claimed]));
    return orders.map(({ id }) => claimed.get(id) ?? 0);
  }
}

/** What tells orders apart in the table of claims. */
type Order = Pick<AccessLogOrder, 'id' | 'raftSession'>;

const { select_sequential_consistency } = CONSISTENT;
const CONSISTENT_READ = { select_sequential_consistency };
