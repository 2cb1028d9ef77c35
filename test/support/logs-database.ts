import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { ClickHouse, type Parameters } from '../../src/clickhouse/client.js';
import { applySchema } from '../../src/clickhouse/schema.js';
import { tablesOf, type Tables } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import { silentLog } from '../../src/observability/log.js';

/** A ClickHouse of the test's own, with the schema applied. */
export interface LogsDatabase {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  /** A directory for the test's files, removed by `stop`. */
  readonly dir: string;
  /** Rows of a SELECT; `{logs}` in it stands for the logs table. */
  readonly select: <Row>(row: z.ZodType<Row>, sql: string, parameters?: Parameters) => Promise<Row[]>;
  /** Empties the logs table. */
  readonly clear: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts the embedded ClickHouse on a free port. */
export async function startLogsDatabase(): Promise<LogsDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-logs-'));
  const engine = await startClickHouse({ dir: join(dir, 'clickhouse') });
  const { settings } = loadSettings({ flags: { 'clickhouse.url': engine.url }, environment: {} });
  const clickhouse = new ClickHouse(settings, silentLog());
  const tables = tablesOf(settings);
  await applySchema(clickhouse, settings);
  return {
    clickhouse,
    tables,
    dir,
    select: (row, sql, parameters = {}) =>
      clickhouse.query(row, sql.replaceAll('{logs}', tables.logs), { doing: 'look', parameters }),
    clear: () => clickhouse.command(`TRUNCATE TABLE ${tables.logs}`, { doing: 'clear' }),
    stop: async () => {
      await clickhouse.close();
      await engine.stop();
      await rm(dir, { recursive: true });
    },
  };
}
