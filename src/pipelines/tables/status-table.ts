import { z } from 'zod';
import type { Session } from './mysql/database.js';
import { quoted } from './mysql/identifiers.js';
import { HOLDERS, ORDERS, statusTableOf } from './mysql/schema.js';
import type { Archiver } from './order.js';

/** Where an archiver of a table stands, by the order book and by the status table. */
export interface Position {
  /** What the status table says: the last key that is copied; undefined when it says nothing. */
  readonly status: number | undefined;
  /** The end of the last order; undefined when there is none. */
  readonly ordered: number | undefined;
  /** Up to where every order is settled; undefined when there is no order. */
  readonly settled: number | undefined;
  /** Orders of ranges that are open or failed. */
  readonly unsettled: number;
}

/** Somebody else wrote into the status table. */
export class StatusMovedError extends Error {
  override readonly name = 'StatusMovedError';

  /**
   * @param table the status table
   * @param status what it says
   * @param settled what the order book says
   */
  constructor(table: string, archiver: string, status: number | undefined, settled: number) {
    super(
      `${table} says that ${archiver} has copied up to ${String(status ?? 'nothing')}, but the order book says ${String(settled)}: ` +
        'somebody else wrote there. Nothing is copied until the two agree: stop the other archiver; if it has copied the rows, ' +
        'give up the orders that are open (log-courier skip), and log-courier goes on behind it; else set the number back',
    );
  }
}

const statusRow = z.object({ id: z.coerce.number().nullable() });
const positionRow = z.object({
  ordered: z.number().nullable(),
  stuckAt: z.number().nullable(),
  unsettled: z.coerce.number(),
});

/** Reads where an archiver stands. `lock` keeps others from changing it until the transaction ends. */
export async function positionOf(
  session: Session,
  archiver: Archiver,
  table: string,
  lock = false,
): Promise<Position> {
  const forUpdate = lock ? ' FOR UPDATE' : '';
  const rows = await session.query(
    statusRow,
    'read the status table',
    `SELECT log_score_id AS id FROM ${quoted(statusTableOf(table))} WHERE archiver = ?${forUpdate}`,
    [archiver],
  );
  const [book] = await session.query(
    positionRow,
    'read where an archiver stands',
    `SELECT MAX(up_to_key) AS ordered,
       MIN(CASE WHEN state IN ('open', 'failed') THEN after_key END) AS stuckAt,
       COALESCE(SUM(state IN ('open', 'failed')), 0) AS unsettled
     FROM ${ORDERS} WHERE archiver = ? AND source_table = ? AND kind IN ('range', 'taken')`,
    [archiver, table],
  );
  const ordered = book?.ordered ?? undefined;
  return {
    status: rows[0]?.id ?? undefined,
    ordered,
    settled: book?.stuckAt ?? ordered,
    unsettled: book?.unsettled ?? 0,
  };
}

/**
 * Locks where the archivers of a table stand until the transaction ends: everybody who adds or commits orders does so
 * first. What deletes has no row in the status table, where others would take it for a destination.
 */
export async function lockStatus(session: Session, archiver: Archiver, table: string): Promise<void> {
  await session.query(
    z.object({ one: z.number() }),
    'lock where archivers stand',
    `SELECT 1 AS one FROM ${HOLDERS} WHERE source_table = ? FOR UPDATE`,
    [table],
  );
  if (archiver === 'cleanup') return;
  await session.change(
    'make a row in the status table',
    `INSERT INTO ${quoted(statusTableOf(table))} (archiver, log_score_id) SELECT ?, NULL FROM DUAL
     WHERE NOT EXISTS (SELECT 1 FROM ${quoted(statusTableOf(table))} WHERE archiver = ?)`,
    [archiver, archiver],
  );
}

/** Whether the status table says what the order book says. */
export function agrees({ status, settled }: Position): boolean {
  return (status ?? 0) === Math.max(0, settled ?? 0);
}

/**
 * Brings the status table up to the order book. It never moves back.
 *
 * @param before where the archiver stood before the change of the book, in the same transaction
 * @param isGivenUp that orders are given up on purpose, and so it does not matter whether somebody else was there
 * @throws {StatusMovedError} when somebody else moved it
 */
export async function moveStatus(
  session: Session,
  archiver: Archiver,
  table: string,
  before: Position,
  isGivenUp: boolean,
): Promise<void> {
  if (!agrees(before) && !isGivenUp)
    throw new StatusMovedError(statusTableOf(table), archiver, before.status, before.settled ?? 0);
  const { settled } = await positionOf(session, archiver, table);
  if (settled === undefined || settled <= (before.status ?? 0)) return;
  await session.change(
    'move the status table',
    `UPDATE ${quoted(statusTableOf(table))} SET log_score_id = ?, modified_on = UTC_TIMESTAMP() WHERE archiver = ?`,
    [settled, archiver],
  );
}
