import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { startEngines, type Engines } from '../../../src/embedded/engines.js';
import { MARIADB_USER, startMariaDb } from '../../../src/embedded/mariadb.js';
import type { Engine } from '../../../src/embedded/engine.js';

/** The table, its database, and the bucket of its archive. */
export const TABLE = 'log_scores';
const DATABASE = 'chaos';
const BUCKET = 'table-archive';

/** Days that rows are kept. */
export const RETENTION_DAYS = 15;

/** What is archived from, and to. */
export interface TablesEngines {
  readonly mariadb: Engine;
  readonly database: string;
  readonly bucket: string;
  readonly clickHouseUrl: string;
  /** Settings that point log-courier at all of it. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the engines, and makes an empty database. */
export async function startTablesEngines(dir: string, signal: AbortSignal): Promise<TablesEngines> {
  const files = join(dir, 'avro');
  await mkdir(files, { recursive: true });
  const mariadb = await startMariaDb({ dir: join(dir, 'mariadb'), signal });
  let others: Engines | undefined;
  try {
    others = await startEngines({ dir: join(dir, 'engines'), signal });
    const engines = others;
    const connection = await createConnection({ host: '127.0.0.1', port: mariadb.port, user: MARIADB_USER });
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4`);
    await connection.end();
    return {
      ...{ mariadb, database: DATABASE, bucket: BUCKET, clickHouseUrl: engines.clickhouse.url },
      environment: {
        ...engines.environment,
        LOG_COURIER_PIPELINES: 'tables',
        LOG_COURIER_TABLES_HOST: '127.0.0.1',
        LOG_COURIER_TABLES_PORT: String(mariadb.port),
        LOG_COURIER_TABLES_DATABASE: DATABASE,
        LOG_COURIER_TABLES_USERNAME: MARIADB_USER,
        LOG_COURIER_TABLES_NAMES: TABLE,
        LOG_COURIER_TABLES_AVRO_PATH: files,
        LOG_COURIER_TABLES_S3_BUCKET: BUCKET,
        LOG_COURIER_TABLES_CLICKHOUSE_DSN: `${engines.clickhouse.url}/default`,
        ...LIVELY,
      },
      stop: async () => {
        await engines.stop();
        await mariadb.stop();
      },
    };
  } catch (error) {
    await others?.stop();
    await mariadb.stop();
    throw error;
  }
}

/** Batches of all sizes at once, keys that settle in a moment, and audits that look for late rows all the time. */
const LIVELY = {
  LOG_COURIER_TABLES_RETENTION_DAYS: String(RETENTION_DAYS),
  LOG_COURIER_TABLES_SETTLE_SECONDS: '2',
  LOG_COURIER_TABLES_AVRO_BATCH_MIN: '1',
  LOG_COURIER_TABLES_AVRO_BATCH_MAX: '2000',
  LOG_COURIER_TABLES_AVRO_INTERVAL_SECONDS: '0',
  LOG_COURIER_TABLES_CLICKHOUSE_BATCH_MIN: '1',
  LOG_COURIER_TABLES_CLICKHOUSE_BATCH_MAX: '1000',
  LOG_COURIER_TABLES_CLICKHOUSE_INTERVAL_SECONDS: '0',
  LOG_COURIER_TABLES_CLEANUP_BATCH_MAX: '1000',
  LOG_COURIER_TABLES_CLEANUP_INTERVAL_SECONDS: '1',
  LOG_COURIER_TABLES_CLEANUP_FULL_INTERVAL_SECONDS: '0',
} as const;
