import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { z } from 'zod';
import { createMissingBuckets } from '../../destinations/s3/buckets.js';
import { openFiles } from '../../destinations/files/open-files.js';
import { startEngines } from '../../embedded/engines.js';
import { MARIADB_USER, startMariaDb } from '../../embedded/mariadb.js';
import { readAvro } from '../../formats/avro/reader.js';
import { createLogScores, generateScores } from '../../pipelines/tables/generate/generate.js';
import { Database } from '../../pipelines/tables/mysql/database.js';
import { loadSettings } from '../../config/load.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import type { Demo, DemoEngines, DemoStage } from './demo.js';

const TABLE = 'log_scores';
const DATABASE = 'measurements';
const BUCKET = 'table-archive';
const SEED = 1;
const DAY_SECONDS = 86_400;
const RETENTION_DAYS = 15;
/** The rows are of twice the retention, so that half of them are to be deleted. */
const SPAN_SECONDS = 2 * RETENTION_DAYS * DAY_SECONDS;
/** How much longer than the retention a row may be there while the demo waits for its deletion. */
const GRACE_MINUTES = 15;
const MORE_ROWS = 500;
const MORE_SECONDS = 2;

/** Measurements in MariaDB, into files, S3 and ClickHouse, and cleaned up to the retention. */
export const tablesDemo: Demo = {
  shows: 'a table of MariaDB into Avro files, S3 and ClickHouse, and cleaned up',
  record: { one: 'row', many: 'rows' },
  defaultRows: 2_000_000,
  engineNames: 'MariaDB, Redis, ClickHouse and S3',
  settings: {
    LOG_COURIER_TABLES_NAMES: TABLE,
    LOG_COURIER_TABLES_VALID_NAMES: '',
    LOG_COURIER_TABLES_RETENTION_DAYS: String(RETENTION_DAYS),
    LOG_COURIER_TABLES_SETTLE_SECONDS: '1',
    LOG_COURIER_TABLES_CLICKHOUSE_BATCH_MIN: '1',
    LOG_COURIER_TABLES_CLICKHOUSE_BATCH_MAX: '250000',
    LOG_COURIER_TABLES_CLICKHOUSE_INTERVAL_SECONDS: '0',
    LOG_COURIER_TABLES_AVRO_BATCH_MIN: '1',
    LOG_COURIER_TABLES_AVRO_BATCH_MAX: '500000',
    LOG_COURIER_TABLES_AVRO_INTERVAL_SECONDS: '0',
    LOG_COURIER_TABLES_CLEANUP_INTERVAL_SECONDS: '1',
    LOG_COURIER_TABLES_CLEANUP_FULL_INTERVAL_SECONDS: '0',
  },
  startEngines: startAll,
  generate: async (stage) => {
    const { context, store, rows } = stage;
    await createMissingBuckets(store.s3, [BUCKET]);
    const progress = startProgress(context.stderr, rows, 'rows', 'generating  ');
    await withDatabase(stage, (database) =>
      generateScores(database, {
        ...{ table: TABLE, rows, seed: SEED, spanSeconds: SPAN_SECONDS, ageSeconds: 0 },
        signal: context.stop,
        onProgress: progress.update,
      }),
    );
    progress.stop();
    return `Generated ${formatCount(rows)} rows of the last ${String(SPAN_SECONDS / DAY_SECONDS)} days in ${TABLE}.`;
  },
  deliveries: ({ store }) => store.pipelines.filter(({ name }) => name !== 'tables-cleanup').length,
  isDone: async (stage) => (await countRows(stage)).old === 0,
  sample: async (stage) => {
    const { rows } = await countRows(stage);
    const kept = `${formatCount(rows)} of ${formatCount(stage.rows)} rows are kept in ${TABLE}: those of the last ${String(RETENTION_DAYS)} days.`;
    return [kept, '', ...(await firstRow(stage))];
  },
  more: {
    records: MORE_ROWS,
    everySeconds: MORE_SECONDS,
    make: async (stage, round) => {
      await withDatabase(stage, (database) =>
        generateScores(database, {
          ...{ table: TABLE, rows: MORE_ROWS, seed: SEED + round, spanSeconds: MORE_SECONDS, ageSeconds: 0 },
          signal: stage.context.stop,
        }),
      );
    },
  },
};

/** Starts them all, with an empty table. */
async function startAll({
  dir,
  signal,
}: {
  readonly dir: string;
  readonly signal: AbortSignal;
}): Promise<DemoEngines> {
  const files = join(dir, 'avro');
  await mkdir(files, { recursive: true });
  const mariadb = await startMariaDb({ dir: join(dir, 'mariadb'), signal });
  try {
    const others = await startEngines({ dir: join(dir, 'engines'), signal });
    try {
      const environment = {
        ...others.environment,
        LOG_COURIER_TABLES_HOST: '127.0.0.1',
        LOG_COURIER_TABLES_PORT: String(mariadb.port),
        LOG_COURIER_TABLES_DATABASE: DATABASE,
        LOG_COURIER_TABLES_USERNAME: MARIADB_USER,
        LOG_COURIER_TABLES_PASSWORD: '',
        LOG_COURIER_TABLES_AVRO_PATH: files,
        LOG_COURIER_TABLES_S3_BUCKET: BUCKET,
        LOG_COURIER_TABLES_CLICKHOUSE_DSN: `${others.clickhouse.url}/default`,
      };
      await createSource(mariadb.port, environment);
      return {
        environment,
        places: [
          { what: 'Avro files', where: files },
          { what: 'Objects of S3', where: join(others.s3Directory, BUCKET) },
          { what: 'MariaDB', where: `mysql://${MARIADB_USER}@127.0.0.1:${String(mariadb.port)}/${DATABASE}` },
          { what: 'ClickHouse', where: `${others.clickhouse.url} (default.${TABLE})` },
        ],
        stop: async () => {
          await others.stop();
          await mariadb.stop();
        },
      };
    } catch (error) {
      await others.stop();
      throw error;
    }
  } catch (error) {
    await mariadb.stop();
    throw error;
  }
}

async function createSource(port: number, environment: Readonly<Record<string, string>>): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: MARIADB_USER });
  try {
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4`);
  } finally {
    await connection.end();
  }
  const database = new Database(loadSettings({ flags: {}, environment }).settings);
  try {
    await createLogScores(database, TABLE);
  } finally {
    await database.close();
  }
}

async function withDatabase<Result>(
  { store }: DemoStage,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = new Database(store.settings);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Rows in the table, and those of them that are beyond the retention. */
async function countRows(stage: DemoStage): Promise<{ readonly rows: number; readonly old: number }> {
  const counts = z.object({ rows: z.coerce.number(), old: z.coerce.number() });
  const [found] = await withDatabase(stage, (database) =>
    database.query(
      counts,
      'count rows',
      // What becomes old while the demo runs is none of its business.
      `SELECT COUNT(*) AS \`rows\`, COALESCE(SUM(ts < NOW() - INTERVAL ? MINUTE), 0) AS old FROM ${TABLE}`,
      [RETENTION_DAYS * 24 * 60 + GRACE_MINUTES],
    ),
  );
  return found ?? { rows: 0, old: 0 };
}

/** The first row of one of the files. */
async function firstRow({ context, store }: DemoStage): Promise<readonly string[]> {
  const files = openFiles({ directory: store.settings['tables.avro-path'] });
  for await (const { name } of files.list('', context.stop)) {
    for await (const { fields, rows } of readAvro(files.read(name, context.stop), context.stop)) {
      const [row = []] = rows;
      const shown = Object.fromEntries(fields.map((field, index) => [field, row[index] ?? null]));
      const text = JSON.stringify(shown, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      return [`The first row of ${name}:`, text];
    }
  }
  return ['No Avro file was found.'];
}
