import { z } from 'zod';
import type { DeliveredObject, Failure, OrderState, Receipt, RetryFilter, Skip } from '../pipeline.js';
import { BOOK_COLUMNS, bookEntryOf, bookRowSchema, type BookEntry } from './book-row.js';
import type { Database, Session, Values } from './mysql/database.js';
import { ORDERS } from './mysql/schema.js';
import { isoOf, sqlTimeOf } from './mysql/times.js';
import type { Archiver, TableOrder } from './order.js';
import { lockStatus, moveStatus, positionOf, type Position } from './status-table.js';

/** An order that is to be written down, with what only the book keeps. */
export interface NewOrder {
  readonly order: TableOrder;
  readonly checksum: string;
  /** Of a range, the keys that are not in it; of late rows, their keys. */
  readonly runs: Buffer;
  readonly state: OrderState;
}

/** The orders of one archiver, in the database that has the tables. */
export class OrderBook {
  constructor(
    private readonly database: Database,
    readonly archiver: Archiver,
    /** Who this is, for others to read. */
    private readonly writer: string,
  ) {}

  /** The database's time, ISO 8601. */
  async now(): Promise<string> {
    const [row] = await this.database.query(
      z.object({ now: z.string() }),
      'ask for the time',
      'SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now',
    );
    return isoOf(row?.now ?? '');
  }

  /** Orders, chosen by SQL behind WHERE. */
  async entries(where: string, values: Values = []): Promise<readonly BookEntry[]> {
    const rows = await this.database.query(
      bookRowSchema,
      'read the order book',
      `SELECT ${BOOK_COLUMNS} FROM ${ORDERS} WHERE archiver = ? AND ${where}`,
      [this.archiver, ...values],
    );
    return rows.map(bookEntryOf);
  }

  /** What the book says of one order; undefined when it has none of that id. */
  async entry(id: string): Promise<BookEntry | undefined> {
    return (await this.entries('id = ?', [id]))[0];
  }

  /** The runs of keys of an order. */
  async runs(id: string): Promise<Buffer> {
    const [row] = await this.database.query(
      z.object({ runs: z.instanceof(Buffer) }),
      'read the keys of a work order',
      `SELECT key_runs AS runs FROM ${ORDERS} WHERE id = ?`,
      [id],
    );
    return row?.runs ?? Buffer.alloc(0);
  }

  /** Orders that are to be delivered, oldest first. */
  async open(): Promise<readonly TableOrder[]> {
    const entries = await this.entries("state = 'open' ORDER BY ordered_at, after_key");
    return entries.map(({ order }) => order);
  }

  /**
   * Writes new orders of a table down, all or none. Nothing is written when meanwhile another process has ordered beyond
   * where the first of them begins, or has ordered late rows, or old rows to be deleted.
   *
   * @param lateBefore how many orders of late rows there were when these late rows were found to be in none
   * @returns whether they are in the book
   */
  async add(table: string, orders: readonly NewOrder[], lateBefore?: number): Promise<boolean> {
    const first = orders[0]?.order;
    if (first === undefined) return true;
    return this.database.transaction('write work orders', async (session) => {
      await lockStatus(session, this.archiver, table);
      const position = await positionOf(session, this.archiver, table, true);
      if (!isNext(first, position)) return false;
      if (first.kind === 'late' && (await this.countLate(table, session)) !== lateBefore) return false;
      if (first.kind === 'deletion' && (await this.hasUnsettled(table, session))) return false;
      for (const order of orders) await this.insert(session, order);
      return true;
    });
  }

  /** Notes what became of an order; a delivery moves the status table in the same transaction. */
  async commit(order: TableOrder, receipt: Receipt): Promise<void> {
    await this.settle(order, 'commit a work order', false, (session) =>
      session.change(
        'commit a work order',
        `UPDATE ${ORDERS} SET state = 'delivered', updated_at = UTC_TIMESTAMP(3), delivered_at = UTC_TIMESTAMP(3),
           delivered_records = ?, delivered_bytes = ?, delivered_by = ?, objects = ?,
           failure_code = '', failure_reason = '', failure_targets = '', failing_since = NULL
         WHERE id = ? AND state <> 'delivered'`,
        [receipt.records, receipt.bytes, this.writer, JSON.stringify(receipt.objects), order.id],
      ),
    );
  }

  /** Gives an order up. */
  async skip(order: TableOrder, skip: Pick<Skip, 'by' | 'reason' | 'records'>): Promise<void> {
    await this.settle(order, 'give a work order up', true, (session) =>
      session.change(
        'give a work order up',
        `UPDATE ${ORDERS} SET state = 'skipped', updated_at = UTC_TIMESTAMP(3), skipped_by = ?, skip_reason = ?, skipped_records = ?
         WHERE id = ? AND state IN ('open', 'failed')`,
        [skip.by.slice(0, 255), skip.reason, skip.records, order.id],
      ),
    );
  }

  /** Notes that an order failed. Never undoes a delivery, nor a skip. */
  async fail(order: TableOrder, { code, reason, targets = [] }: Failure): Promise<void> {
    await this.database.change(
      'note a failure',
      `UPDATE ${ORDERS} SET state = 'failed', updated_at = UTC_TIMESTAMP(3), failure_code = ?, failure_reason = ?,
         failure_targets = ?, failing_since = COALESCE(failing_since, UTC_TIMESTAMP(3))
       WHERE id = ? AND state IN ('open', 'failed')`,
      [code.slice(0, 255), reason.slice(0, 10_000), JSON.stringify(targets), order.id],
    );
  }

  /** Orders that failed, the one that failed the longest ago first. */
  async failed({
    source,
    order,
    group,
    failedForSeconds,
    limit,
  }: RetryFilter): Promise<readonly BookEntry[]> {
    const conditions: [string, string | number | undefined][] = [
      ['source_table = ?', source],
      ['id = ?', order],
      ['failure_code = ?', group?.code],
      ['failure_targets = ?', group === undefined ? undefined : JSON.stringify(group.targets)],
      ['updated_at <= UTC_TIMESTAMP(3) - INTERVAL ? SECOND', failedForSeconds],
    ];
    const given = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
    const where = ["state = 'failed'", ...given.map(({ sql }) => sql)].join(' AND ');
    const most = limit === undefined ? '' : ` LIMIT ${String(Math.max(0, Math.floor(limit)))}`;
    return this.entries(
      `${where} ORDER BY updated_at${most}`,
      given.map(({ value }) => value),
    );
  }

  /** Marks failed orders as open again. */
  async reopen(orders: readonly TableOrder[]): Promise<void> {
    for (const { id } of orders)
      await this.database.change(
        'open a work order again',
        `UPDATE ${ORDERS} SET state = 'open', updated_at = UTC_TIMESTAMP(3) WHERE id = ? AND state = 'failed'`,
        [id],
      );
  }

  /** Orders by state; what another archiver had copied is none. */
  async counts(): Promise<Readonly<Record<OrderState, number>>> {
    const rows = await this.database.query(
      z.object({ state: z.enum(['open', 'failed', 'skipped', 'delivered']), orders: z.number() }),
      'count work orders',
      `SELECT state, COUNT(*) AS orders FROM ${ORDERS} WHERE archiver = ? AND kind <> 'taken' GROUP BY state`,
      [this.archiver],
    );
    const counts = { open: 0, failed: 0, skipped: 0, delivered: 0 };
    for (const { state, orders } of rows) counts[state] = orders;
    return counts;
  }

  /** How many orders of late rows a table has. */
  async countLate(table: string, session: Session = this.database): Promise<number> {
    const [row] = await session.query(
      z.object({ orders: z.number() }),
      'count the orders of late rows',
      `SELECT COUNT(*) AS orders FROM ${ORDERS} WHERE archiver = ? AND source_table = ? AND kind = 'late'`,
      [this.archiver, table],
    );
    return row?.orders ?? 0;
  }

  private async hasUnsettled(table: string, session: Session): Promise<boolean> {
    const rows = await session.query(
      z.object({ id: z.string() }),
      'look for work orders that are not settled',
      `SELECT id FROM ${ORDERS} WHERE archiver = ? AND source_table = ? AND state IN ('open', 'failed') LIMIT 1`,
      [this.archiver, table],
    );
    return rows.length > 0;
  }

  private async settle(
    order: TableOrder,
    doing: string,
    isGivenUp: boolean,
    change: (session: Session) => Promise<unknown>,
  ): Promise<void> {
    await this.database.transaction(doing, async (session) => {
      await lockStatus(session, this.archiver, order.table);
      const before = await positionOf(session, this.archiver, order.table, true);
      await change(session);
      if (order.kind === 'range') await moveStatus(session, this.archiver, order.table, before, isGivenUp);
    });
  }

  private async insert(session: Session, { order, checksum, runs, state }: NewOrder): Promise<void> {
    const { id, archiver, kind, table, after, upTo, which, records, firstKey, firstAt, oldestAt, orderedAt } =
      order;
    await session.change(
      'write a work order',
      `INSERT IGNORE INTO ${ORDERS} (id, archiver, kind, source_table, after_key, up_to_key, which_rows, key_runs, records,
         checksum, first_key, first_at, oldest_at, state, ordered_at, updated_at, objects, failure_reason, failure_targets, skip_reason)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', '', '')`,
      [
        ...[id, archiver, kind, table, after, upTo, which, runs, records, checksum, firstKey],
        ...[sqlTimeOf(firstAt), sqlTimeOf(oldestAt), state, sqlTimeOf(orderedAt), sqlTimeOf(orderedAt)],
      ],
    );
  }
}

/** Whether an order begins where the last one ends; late rows and deletions may be anywhere. */
function isNext({ kind, after }: TableOrder, { ordered }: Position): boolean {
  if (kind === 'late' || kind === 'deletion') return true;
  return ordered === undefined ? after <= 0 : ordered === after;
}

/** Where objects of an order went, each once. */
export function placesOf(objects: readonly DeliveredObject[]): readonly string[] {
  return [...new Set(objects.map(({ bucket }) => bucket))];
}
