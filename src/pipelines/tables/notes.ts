import { z } from 'zod';
import type { Database } from './mysql/database.js';
import { NOTES } from './mysql/schema.js';
import type { Archiver } from './order.js';

/** What holds tables up without being a failure, in words for people: what the last discovery found, for all to read. */
export class Notes {
  private readonly written = new Map<string, string>();

  constructor(
    private readonly database: Database,
    private readonly archiver: Archiver,
  ) {}

  /** Notes it; undefined when nothing does. */
  async set(table: string, text = ''): Promise<void> {
    if (this.written.get(table) === text) return;
    await this.database.change(
      'note what holds a table up',
      `REPLACE INTO ${NOTES} (archiver, source_table, note) VALUES (?, ?, ?)`,
      [this.archiver, table, text],
    );
    this.written.set(table, text);
  }

  /** All notes, by table. */
  async all(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.query(
      z.object({ table: z.string(), note: z.string() }),
      'read what holds tables up',
      `SELECT source_table AS \`table\`, note FROM ${NOTES} WHERE archiver = ? AND note <> ''`,
      [this.archiver],
    );
    return new Map(rows.map(({ table, note }) => [table, note]));
  }
}
