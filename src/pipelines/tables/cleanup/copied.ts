import { bookEntryOf, BOOK_COLUMNS, bookRowSchema, type BookEntry } from '../book-row.js';
import type { Database } from '../mysql/database.js';
import { ORDERS } from '../mysql/schema.js';
import type { Archiver } from '../order.js';
import { RunCursor, runsIn } from '../runs.js';
import { z } from 'zod';

/** How many orders' keys are kept in memory: those that the keys asked for last were in. */
const KEPT_ORDERS = 8;

/**
 * Says which rows every destination has: those of delivered orders, by the order book. A row that was not there when its
 * range was ordered is in no order but one of late rows.
 */
export class Copied {
  private readonly kept = new Map<string, Buffer>();

  constructor(
    private readonly database: Database,
    private readonly table: string,
    private readonly copiers: readonly Archiver[],
  ) {}

  /**
   * Those of some keys whose rows every destination has.
   *
   * @param keys ascending
   */
  async of(keys: readonly number[]): Promise<readonly number[]> {
    let rest = keys;
    for (const archiver of this.copiers) rest = await this.byOne(archiver, rest);
    return this.copiers.length === 0 ? [] : rest;
  }

  private async byOne(archiver: Archiver, keys: readonly number[]): Promise<readonly number[]> {
    const [first, last] = [keys[0], keys.at(-1)];
    if (first === undefined || last === undefined) return [];
    const rows = await this.database.query(
      bookRowSchema,
      'read which rows are copied',
      `SELECT ${BOOK_COLUMNS} FROM ${ORDERS} WHERE archiver = ? AND source_table = ? AND state = 'delivered'
         AND up_to_key >= ? AND after_key < ? AND kind IN ('range', 'taken', 'late')`,
      [archiver, this.table, first, last],
    );
    const has = new Set<number>();
    for (const entry of rows.map(bookEntryOf)) await this.addKeys(entry, keys, has);
    return keys.filter((key) => has.has(key));
  }

  private async addKeys({ order }: BookEntry, keys: readonly number[], has: Set<number>): Promise<void> {
    const { id, after, upTo, kind } = order;
    const cursor = new RunCursor(runsIn(await this.runs(id), after));
    for (const key of keys) {
      if (key <= after || key > upTo) continue;
      if (cursor.has(key) === (kind === 'late')) has.add(key);
    }
  }

  private async runs(id: string): Promise<Buffer> {
    const known = this.kept.get(id);
    if (known !== undefined) return known;
    const [row] = await this.database.query(
      z.object({ runs: z.instanceof(Buffer) }),
      'read the keys of a work order',
      `SELECT key_runs AS runs FROM ${ORDERS} WHERE id = ?`,
      [id],
    );
    const runs = row?.runs ?? Buffer.alloc(0);
    const [oldest] = this.kept.keys();
    if (this.kept.size >= KEPT_ORDERS && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(id, runs);
    return runs;
  }
}
