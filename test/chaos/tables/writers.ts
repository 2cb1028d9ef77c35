import { createConnection, type ResultSetHeader } from 'mysql2/promise';
import { pause } from '../pause.js';
import type { Random } from '../random.js';

/** A row that was committed, as it must be found at every destination. */
export interface WrittenRow {
  readonly serverId: number;
  /** Whether it is older than the retention: it is to be deleted. */
  readonly isOld: boolean;
}

/** What the writers have written; more joins while they run. */
export interface Written {
  /** By key. */
  readonly rows: ReadonlyMap<number, WrittenRow>;
  readonly transactions: number;
  readonly rolledBack: number;
  /** Transactions that were open for longer than a key has to settle. */
  readonly heldOpen: number;
}

/** How the writers write. */
export interface WriterOptions {
  readonly port: number;
  readonly database: string;
  readonly table: string;
  readonly writers: number;
  /** Ages of rows in days: below and beyond the retention. */
  readonly ages: { readonly young: number; readonly old: number };
  /** How long some transactions stay open, in ms. */
  readonly heldMs: { readonly least: number; readonly most: number };
  readonly stop: AbortSignal;
}

/** Rows of one transaction at most. */
const MOST_ROWS = 20;

/**
 * Writes rows in transactions that begin and end in no order: some take no time, some are held open, some are rolled
 * back and leave gaps.
 *
 * @returns what was written, and the end of it, which comes when it is told to stop
 */
export function startWriters(
  options: WriterOptions,
  random: Random,
): { readonly written: Written; readonly ended: Promise<void> } {
  const written = { rows: new Map<number, WrittenRow>(), transactions: 0, rolledBack: 0, heldOpen: 0 };
  const one = async (draws: Random): Promise<void> => {
    const { port, database } = options;
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root', database });
    try {
      while (!options.stop.aborted) {
        const isHeld = draws.chance(0.04);
        const isRolledBack = draws.chance(0.05);
        await connection.beginTransaction();
        const rows: [number, WrittenRow][] = [];
        for (let left = draws.integer(1, MOST_ROWS); left > 0; left -= 1) {
          const row = { serverId: draws.integer(1, 1_000_000), isOld: draws.chance(0.4) };
          const [{ insertId }] = await connection.query<ResultSetHeader>(
            `INSERT INTO ${options.table} (server_id, monitor_id, ts, score, step) VALUES (?, 1, NOW() - INTERVAL ? DAY, 1.5, 1)`,
            [row.serverId, row.isOld ? options.ages.old : options.ages.young],
          );
          rows.push([insertId, row]);
          if (draws.chance(0.2)) await pause(draws.between(0, 30), options.stop);
        }
        if (isHeld) await pause(draws.between(options.heldMs.least, options.heldMs.most), options.stop);
        if (isRolledBack) {
          await connection.rollback();
          written.rolledBack += 1;
        } else {
          await connection.commit();
          for (const [key, row] of rows) written.rows.set(key, row);
        }
        written.transactions += 1;
        if (isHeld) written.heldOpen += 1;
        await pause(draws.between(20, 200), options.stop);
      }
    } finally {
      await connection.end();
    }
  };
  const ended = Promise.all(Array.from({ length: options.writers }, () => one(random.fork())));
  return { written, ended: ended.then(() => undefined) };
}
