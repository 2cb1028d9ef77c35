import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import { openFiles } from '../../src/destinations/files/open-files.js';
import { silentLog } from '../../src/observability/log.js';
import { readAvro } from '../../src/formats/avro/reader.js';
import type { AvroValue } from '../../src/formats/avro/schema.js';
import type { Discovery, Pipeline, Receipt, WorkOrder } from '../../src/pipelines/pipeline.js';
import type { Copier } from '../../src/pipelines/tables/destinations/copier.js';
import { createFilesCopier } from '../../src/pipelines/tables/destinations/files.js';
import { logScoresSql } from '../../src/pipelines/tables/generate/generate.js';
import { Database } from '../../src/pipelines/tables/mysql/database.js';
import { createTables } from '../../src/pipelines/tables/pipeline.js';
import type { TestDatabase } from './mariadb.js';

/** The table of measurements as its users have it. */
export const LOG_SCORES = logScoresSql('log_scores');

/** Values for rows of it with the keys from the one to the other, a second apart from some time on. */
export function insertScores(
  from: number,
  to: number,
  since = '2026-11-01 00:00:00',
  table = 'log_scores',
): string {
  return `INSERT INTO ${table} (id, monitor_id, server_id, ts, score, step, \`offset\`, rtt, attributes)
    SELECT seq, IF(seq % 7 = 0, NULL, seq % 90), seq % 500, '${since}' + INTERVAL (seq - ${String(from)}) SECOND, (seq % 400) / 20.0 - 5,
      IF(seq % 3 = 0, 1, -0.5), IF(seq % 11 = 0, NULL, seq / 1e7 - 0.01), IF(seq % 5 = 0, NULL, seq % 300),
      IF(seq % 10 = 0, CONCAT('{"leap":', seq % 4, ',"error":"', IF(seq % 20 = 0, 'i/o timeout', ''), '"}'), NULL)
    FROM seq_${String(from)}_to_${String(to)}`;
}

/** A deployment that archives tables, without queues. */
export interface Archive {
  readonly pipelines: readonly Pipeline[];
  readonly settings: Settings;
  /** Where Avro files go. */
  readonly directory: string;
  /** The pipeline of an archiver such as `fileavro`. */
  pipeline(archiver: string): Pipeline;
  end(): Promise<void>;
}

/** What differs from one archive to another. */
export interface ArchiveOptions {
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** In place of one that writes files into {@link Archive.directory}. */
  readonly copiers?: (directory: string, source: Database) => readonly Copier[];
  readonly directory?: string;
}

/** Puts an archive together, with batches of any size; the caller ends it. */
export async function openArchive(database: TestDatabase, options: ArchiveOptions = {}): Promise<Archive> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'log-courier-tables-')));
  const { settings } = loadSettings({
    flags: {
      'tables.dsn': database.url,
      'tables.settle-seconds': '0',
      'tables.avro-batch-min': '1',
      'tables.avro-interval-seconds': '0',
      'tables.clickhouse-batch-min': '1',
      'tables.cleanup-interval-seconds': '0',
      'tables.cleanup-full-interval-seconds': '0',
      ...options.flags,
    },
    environment: options.environment ?? {},
  });
  const source = new Database(settings);
  const copiers = options.copiers?.(directory, source) ?? [filesCopier(directory)];
  const pipelines = createTables({ settings, log: silentLog(), database: source, copiers });
  return {
    settings,
    directory,
    pipelines,
    pipeline: (archiver) => {
      const found = pipelines.find(({ name }) => name === `tables-${archiver}`);
      if (found === undefined) throw new Error(`there is no pipeline of ${archiver}`);
      return found;
    },
    end: async () => {
      await Promise.all(pipelines.map((pipeline) => pipeline.close()));
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Writes Avro files into a directory. */
export function filesCopier(directory: string, codec: 'null' | 'deflate' | 'zstd' = 'deflate'): Copier {
  const store = openFiles({ directory });
  return createFilesCopier({
    archiver: 'fileavro',
    store,
    codec,
    contentType: 'avro/binary',
    cacheControl: '',
  });
}

const FOREVER = new AbortController().signal;

/** What a pipeline orders now, once it is prepared. */
export async function discover(pipeline: Pipeline): Promise<Discovery<WorkOrder>> {
  await pipeline.prepare({ apply: true });
  return pipeline.discover({ shard: 0, shards: 1, signal: FOREVER, leaseRemainingMs: () => 60_000 });
}

/** Delivers one order, without committing it. */
export function deliver(pipeline: Pipeline, order: WorkOrder): Promise<Receipt> {
  return pipeline.deliver(order, { signal: FOREVER, report: () => undefined });
}

/** Delivers and commits all orders that are open. */
export async function deliverAll(pipeline: Pipeline): Promise<readonly WorkOrder[]> {
  const orders = await pipeline.outstanding({ shard: 0, shards: 1 });
  for (const order of orders) await pipeline.commit(order, await deliver(pipeline, order));
  return orders;
}

/** Discovers and delivers once. */
export async function archiveOnce(pipeline: Pipeline): Promise<readonly WorkOrder[]> {
  await discover(pipeline);
  return deliverAll(pipeline);
}

/** Rows of an archive's files, as objects, in the order of their files' names. */
export async function rowsInFiles(
  directory: string,
): Promise<readonly Readonly<Record<string, AvroValue>>[]> {
  const store = openFiles({ directory });
  const found: Record<string, AvroValue>[] = [];
  for await (const { name } of store.list('', FOREVER))
    for await (const { fields, rows } of readAvro(store.read(name, FOREVER), FOREVER))
      for (const row of rows)
        found.push(Object.fromEntries(fields.map((field, index) => [field, row[index] ?? null])));
  return found;
}

/** Keys of the rows in an archive's files, ascending. */
export async function keysInFiles(directory: string, key = 'id'): Promise<readonly number[]> {
  const rows = await rowsInFiles(directory);
  return rows.map((row) => Number(row[key])).sort((a, b) => a - b);
}
