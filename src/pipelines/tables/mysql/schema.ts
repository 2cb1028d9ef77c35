import type { Database } from './database.js';
import { MysqlError } from './errors.js';
import { quoted } from './identifiers.js';

/** The order book. Keys are those of archived tables; times are UTC. */
export const ORDERS = 'log_courier_orders';

/** The largest key that was there at some times, of each table: which missing keys are old follows from it. */
export const WATERMARKS = 'log_courier_watermarks';

/** Which connection holds the archiver's lock of a table. */
export const HOLDERS = 'log_courier_holders';

/** What holds tables up without being a failure, in words. */
export const NOTES = 'log_courier_notes';

/** The table in which archivers say how far they have copied: `log_scores_archive_status` for `log_scores`. */
export function statusTableOf(table: string): string {
  return `${table}_archive_status`;
}

const OPTIONS = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';

/** The statements that make what the pipeline needs beside the tables. */
export function schemaStatements(tables: readonly string[]): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${ORDERS} (
  id CHAR(16) NOT NULL PRIMARY KEY,
  archiver VARCHAR(32) NOT NULL,
  kind VARCHAR(16) NOT NULL,
  source_table VARCHAR(64) NOT NULL,
  after_key BIGINT NOT NULL,
  up_to_key BIGINT NOT NULL,
  which_rows VARCHAR(64) NOT NULL DEFAULT '',
  key_runs LONGBLOB NOT NULL,
  records BIGINT NOT NULL,
  checksum VARCHAR(40) NOT NULL,
  first_key BIGINT NOT NULL,
  first_at DATETIME(3) NOT NULL,
  oldest_at DATETIME(3) NOT NULL,
  state VARCHAR(16) NOT NULL,
  ordered_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  delivered_at DATETIME(3) NULL,
  delivered_records BIGINT NOT NULL DEFAULT 0,
  delivered_bytes BIGINT NOT NULL DEFAULT 0,
  delivered_by VARCHAR(255) NOT NULL DEFAULT '',
  objects MEDIUMTEXT NOT NULL,
  failure_code VARCHAR(255) NOT NULL DEFAULT '',
  failure_reason TEXT NOT NULL,
  failure_targets TEXT NOT NULL,
  failing_since DATETIME(3) NULL,
  skipped_by VARCHAR(255) NOT NULL DEFAULT '',
  skip_reason TEXT NOT NULL,
  skipped_records BIGINT NOT NULL DEFAULT 0,
  KEY in_state (archiver, source_table, state, after_key),
  KEY by_end (archiver, source_table, kind, up_to_key),
  KEY by_delivery (archiver, delivered_at),
  KEY by_update (archiver, state, updated_at)
) ${OPTIONS}`,
    `CREATE TABLE IF NOT EXISTS ${WATERMARKS} (
  source_table VARCHAR(64) NOT NULL,
  seen_at DATETIME(6) NOT NULL,
  max_key BIGINT NOT NULL,
  PRIMARY KEY (source_table, seen_at)
) ${OPTIONS}`,
    `CREATE TABLE IF NOT EXISTS ${HOLDERS} (
  source_table VARCHAR(64) NOT NULL PRIMARY KEY,
  connection_id BIGINT UNSIGNED NOT NULL,
  holder VARCHAR(255) NOT NULL,
  since DATETIME(3) NOT NULL
) ${OPTIONS}`,
    `CREATE TABLE IF NOT EXISTS ${NOTES} (
  archiver VARCHAR(32) NOT NULL,
  source_table VARCHAR(64) NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (archiver, source_table)
) ${OPTIONS}`,
    ...tables.map(
      (table) => `CREATE TABLE IF NOT EXISTS ${quoted(statusTableOf(table))} (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  archiver VARCHAR(255) NOT NULL,
  log_score_id BIGINT UNSIGNED DEFAULT NULL,
  modified_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY archiver (archiver)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
    ),
  ];
}

/** The tables of the order book are missing. */
export class SchemaMissingError extends Error {
  override readonly name = 'SchemaMissingError';

  /**
   * @param statements what somebody who may has to run
   * @param missing the tables
   */
  constructor(statements: readonly string[], missing: readonly string[], options?: ErrorOptions) {
    const why = options === undefined ? '' : ', and the database’s user may not create them';
    super(
      `the order book lacks ${missing.join(', ')}${why}; run log-courier schema apply, or have this run by somebody who may:\n${statements.join(';\n')};`,
      options,
    );
  }
}

/** Errors that say that a right is missing: to a table, to a database. */
const DENIED: ReadonlySet<number> = new Set([1142, 1044, 1227]);

/** Those of the tables beside the archived ones that are not there. */
export async function missingTables(
  database: Database,
  tables: readonly string[],
): Promise<readonly string[]> {
  const wanted = [ORDERS, WATERMARKS, HOLDERS, NOTES, ...tables.map(statusTableOf)];
  const rows = await database.rows(
    'look for the tables of the order book',
    `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()
       AND table_name IN (${wanted.map(() => '?').join(', ')})`,
    wanted,
  );
  const there = new Set(rows.map(([name]) => String(name)));
  return wanted.filter((name) => !there.has(name));
}

/**
 * Makes what is missing of the tables.
 *
 * @throws {SchemaMissingError} with the statements, when the user may not
 */
export async function applyTablesSchema(database: Database, tables: readonly string[]): Promise<void> {
  const missing = await missingTables(database, tables);
  if (missing.length === 0) return;
  const statements = schemaStatements(tables);
  for (const sql of statements) {
    if (!missing.some((name) => sql.includes(`EXISTS ${name} `) || sql.includes(`EXISTS ${quoted(name)} `)))
      continue;
    try {
      await database.change('create a table of the order book', sql);
    } catch (error) {
      const isDenied = error instanceof MysqlError && DENIED.has(error.errno);
      throw isDenied ? new SchemaMissingError(statements, missing, { cause: error }) : error;
    }
  }
}
