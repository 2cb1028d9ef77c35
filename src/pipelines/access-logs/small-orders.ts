import pLimit, { type LimitFunction } from 'p-limit';
import { z } from 'zod';
import { WITH_CONSTANTS } from '../../clickhouse/constant.js';
import type { ClickHouse } from '../../clickhouse/client.js';
import { ClickHouseTruncatedError } from '../../clickhouse/errors.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import { GroupLoader } from '../group-loader.js';
import { askedTogether, type Crowd } from './asked-together.js';
import { LineCountError, linesIn } from './fetch.js';
import { WholeContent } from './object-content.js';
import { keyOptionsOf } from './object-key.js';
import type { AccessLogOrder } from './order.js';
import { planOf, type DeliveryPlan } from './plan.js';
import { isFetchedInGroup, reachOf, RECORDS_A_GROUP, weightOf } from './small-order.js';
import { smallOrdersSql } from './small-orders-sql.js';

/** What fetching small orders works with. */
export interface SmallOrdersParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly crowd: Crowd;
}

/** Statements that are under way at the same time, for orders that reach back differently far. */
const STATEMENTS_AT_A_TIME = 3;

const objectRow = z.object({
  position: z.int(),
  targetBucket: z.string(),
  targetPrefix: z.string(),
  day: z.string(),
  records: z.number(),
  oldestMs: z.number(),
  rows: z.number(),
  bytes: z.number(),
  content: z.string(),
});

type ObjectRow = z.infer<typeof objectRow>;

/** ClickHouse could not answer for some of the names: they are not UTF-8. */
const REPLACEMENT = '\u{fffd}';

/**
 * Fetches small orders, many with one statement: which objects they make, and what these hold. What ClickHouse spends
 * on understanding the statement is more than what it spends on formatting the records of a hundred such orders.
 */
export class SmallOrders {
  readonly #parts: SmallOrdersParts;
  readonly #loader: GroupLoader<AccessLogOrder, DeliveryPlan | undefined>;
  readonly #alone: LimitFunction;
  readonly #sending: LimitFunction;

  constructor(parts: SmallOrdersParts) {
    this.#parts = parts;
    this.#sending = pLimit(parts.settings['s3.small-objects-in-flight']);
    this.#alone = pLimit(parts.settings['consumer.num-workers']);
    this.#loader = new GroupLoader({
      ...askedTogether(parts.crowd),
      load: (orders, signal) => this.#fetchAll(orders, signal),
      kindOf: reachOf,
      weightOf,
      mostWeight: RECORDS_A_GROUP,
      atATime: STATEMENTS_AT_A_TIME,
    });
  }

  /**
   * Plans an order, with the content of its objects.
   *
   * @returns undefined for an order that must be planned and fetched alone
   * @throws {ClickHouseTruncatedError} when the answer is not whole
   * @throws {LineCountError} when lines and records differ in number
   */
  async fetch(order: AccessLogOrder, signal: AbortSignal): Promise<DeliveryPlan | undefined> {
    const isOn = this.#parts.settings['consumer.small-orders-in-flight'] > 0;
    return isOn && isFetchedInGroup(order) ? this.#loader.load(order, signal) : undefined;
  }

  /**
   * Delivers a small order whose content has not been fetched here. There can be more of them at the same time than
   * large ones, and each costs as much: the others wait.
   */
  async alone<Result>(deliver: () => Promise<Result>): Promise<Result> {
    return this.#alone(deliver);
  }

  /** Delivers a small order whose content has been fetched here, when there is a connection for it. */
  async fetched<Result>(deliver: () => Promise<Result>): Promise<Result> {
    return this.#sending(deliver);
  }

  async #fetchAll(
    orders: readonly AccessLogOrder[],
    signal: AbortSignal,
  ): Promise<(DeliveryPlan | undefined)[]> {
    const { settings, tables, clickhouse } = this.#parts;
    const options = keyOptionsOf(settings);
    const doing = `fetch the records of ${String(orders.length)} small work order(s)`;
    const rows = await clickhouse.query(objectRow, smallOrdersSql(tables, orders, options.format), {
      doing,
      // The server holds the answer back until it is certain to be one, and no exception can stand in it.
      settings: { ...WITH_CONSTANTS, wait_end_of_query: 1, output_format_json_escape_forward_slashes: 0 },
      signal,
    });
    if (rows.length !== (rows[0]?.rows ?? 0)) throw new ClickHouseTruncatedError(doing, '');
    const rowsOf = orders.map((): ObjectRow[] => []);
    for (const row of rows) rowsOf[row.position]?.push(row);
    return orders.map((order, position) => {
      const own = rowsOf[position] ?? [];
      if (own.some(mustBeFetchedAlone)) return undefined;
      return planOf(order, own, options, (row) => contentOf(row, doing));
    });
  }
}

function mustBeFetchedAlone({ content, targetBucket, targetPrefix }: ObjectRow): boolean {
  return content === '' || targetBucket.includes(REPLACEMENT) || targetPrefix.includes(REPLACEMENT);
}

function contentOf({ content, bytes, records }: ObjectRow, doing: string): WholeContent {
  const whole = Buffer.from(content, 'utf8');
  if (whole.byteLength !== bytes) throw new ClickHouseTruncatedError(doing, content);
  const lines = linesIn(whole);
  if (lines !== records) throw new LineCountError(doing, records, lines);
  return new WholeContent(whole);
}
