import type { ClickHouse } from '../../src/clickhouse/client.js';
import type { Tables } from '../../src/clickhouse/tables.js';
import { generateRecords } from '../../src/pipelines/access-logs/generate/generate.js';

/** Records that all data of a run are made of: as many as make their values as different as real ones are. */
const MOST_ROWS = 250_000;

/** Made-up records in a table of their own, numbered from 0 in the column `row`. */
export interface Template {
  readonly table: string;
  readonly rows: number;
}

/**
 * Makes the template by log-courier's own generator, once for a database. The same number of rows is the same
 * template, whenever it is made, but for its times.
 *
 * @param wanted records that are to be made of it
 */
export async function makeTemplate(
  clickhouse: ClickHouse,
  tables: Tables,
  wanted: number,
): Promise<Template> {
  const rows = Math.min(wanted, MOST_ROWS);
  const generated = `${tables.database}.generated`;
  const table = `${tables.database}.template`;
  const doing = 'make the template of the data';
  await clickhouse.command(`CREATE OR REPLACE TABLE ${generated} AS ${tables.logs} ENGINE = Memory`, {
    doing,
  });
  await generateRecords(clickhouse, { ...tables, logs: generated }, { rows, seed: 4, sourceBuckets: 100 });
  await clickhouse.command(
    `CREATE OR REPLACE TABLE ${table} ENGINE = MergeTree ORDER BY row AS
     SELECT *, toUInt64(row_number() OVER (ORDER BY req_id) - 1) AS row FROM ${generated}`,
    { doing },
  );
  await clickhouse.command(`DROP TABLE ${generated}`, { doing });
  return { table, rows };
}
