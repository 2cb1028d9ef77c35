import type { Database } from '../mysql/database.js';
import { quoted } from '../mysql/identifiers.js';

/** Which rows to make up. */
export interface GenerateOptions {
  /** A table of the form of `log_scores`; made when it is missing. */
  readonly table: string;
  readonly rows: number;
  /** Time over which the rows came in, in seconds. */
  readonly spanSeconds: number;
  /** How long ago the last one came in, in seconds. */
  readonly ageSeconds: number;
  /** The same seed makes rows with the same values, but for keys and times. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Told how many rows there are so far. */
  readonly onProgress?: (rows: number) => void;
}

/** When made-up rows came in. */
export interface GenerateResult {
  readonly rows: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Rows of one statement, which is one transaction. */
const ROWS_AN_INSERT = 50_000;

/** What is between 0 and 99,999, in order; MySQL and MariaDB have no other way of counting in common. */
const DIGITS = `(${Array.from({ length: 10 }, (_, digit) => `SELECT ${String(digit)}${digit === 0 ? ' AS d' : ''}`).join(' UNION ALL ')})`;
const NUMBERS = `(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
  FROM ${DIGITS} a, ${DIGITS} b, ${DIGITS} c, ${DIGITS} e, ${DIGITS} f)`;

/** What makes the table of measurements of time servers. */
export function logScoresSql(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted(table)} (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    monitor_id INT UNSIGNED DEFAULT NULL,
    server_id INT UNSIGNED NOT NULL,
    ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    score DOUBLE NOT NULL DEFAULT 0,
    step DOUBLE NOT NULL DEFAULT 0,
    \`offset\` DOUBLE DEFAULT NULL,
    rtt MEDIUMINT DEFAULT NULL,
    attributes TEXT DEFAULT NULL,
    KEY ts (ts)
  ) ENGINE=InnoDB`;
}

/** Makes the table of measurements of time servers, when it is missing. */
export async function createLogScores(database: Database, table: string): Promise<void> {
  await database.changeOnce('make the table', logScoresSql(table));
}

/** Inserts made-up measurements, which the database makes itself. */
export async function generateScores(database: Database, options: GenerateOptions): Promise<GenerateResult> {
  const { table, rows, spanSeconds, ageSeconds, seed, signal, onProgress } = options;
  await createLogScores(database, table);
  const lastMs = Date.now() - ageSeconds * 1000;
  const firstMs = lastMs - spanSeconds * 1000;
  for (let done = 0; done < rows; done += ROWS_AN_INSERT) {
    signal?.throwIfAborted();
    await database.change('make up rows', insertSql(table), [
      ...[seed, done, firstMs / 1000, spanSeconds / rows],
      Math.min(ROWS_AN_INSERT, rows - done),
    ]);
    onProgress?.(Math.min(rows, done + ROWS_AN_INSERT));
  }
  return { rows, firstAt: new Date(firstMs), lastAt: new Date(lastMs) };
}

/** One row in 37 is a failed measurement, without offset and time; one in 50 is of no monitor. */
function insertSql(table: string): string {
  return `INSERT INTO ${quoted(table)} (monitor_id, server_id, ts, score, step, \`offset\`, rtt, attributes)
    SELECT IF(h % 50 = 0, NULL, 1 + h % 90),
      1 + h % 5000,
      at,
      CAST(h % 4001 AS SIGNED) / 100 - 20,
      IF(h % 37 = 0, -5, 1),
      IF(h % 37 = 0, NULL, (CAST(h % 2000001 AS SIGNED) - 1000000) / 1e9),
      IF(h % 37 = 0, NULL, 100 + h % 250000),
      CASE WHEN h % 37 = 0 THEN '{"leap":0,"error":"i/o timeout"}' WHEN h % 1009 = 0 THEN '{"leap":1}' END
    FROM (SELECT n, CRC32(CONCAT(seed, '-', first + n)) AS h, FROM_UNIXTIME(since + (first + n) * apart) AS at
      FROM ${NUMBERS} numbers,
        (SELECT CAST(? AS SIGNED) AS seed, CAST(? AS SIGNED) AS first, CAST(? AS DOUBLE) AS since, CAST(? AS DOUBLE) AS apart) plan
      WHERE n < ?) made
    ORDER BY n`;
}
