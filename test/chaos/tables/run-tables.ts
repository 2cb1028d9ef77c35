import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { openStore, type Store } from '../../../src/cli/assembly.js';
import { loadSettings } from '../../../src/config/load.js';
import { createMissingBuckets } from '../../../src/destinations/s3/buckets.js';
import { silentLog } from '../../../src/observability/log.js';
import { createLogScores } from '../../../src/pipelines/tables/generate/generate.js';
import { Database } from '../../../src/pipelines/tables/mysql/database.js';
import { openEventLog, type EventLog } from '../event-log.js';
import { pause } from '../pause.js';
import { baseEnvironment, ProcessBook, RUN_VARIABLE } from '../processes.js';
import { seeded, type Random } from '../random.js';
import { ReplicaPool } from '../replicas/pool.js';
import { REPLICA_SETTINGS } from '../replicas/settings.js';
import { settle } from '../verdict/settle.js';
import { RETENTION_DAYS, startTablesEngines, TABLE, type TablesEngines } from './engines.js';
import type { TablesOptions } from './options.js';
import { proveTables, type DestinationProof } from './proof.js';
import { tablesViolations, type TablesReport } from './report.js';
import { startWriters, type Written } from './writers.js';

/** What a run has besides its options. */
export interface TablesContext {
  /** Aborted to end the run before its time, in order. */
  readonly stop: AbortSignal;
  readonly onProgress?: (phase: string, kills: number, rows: number) => void;
}

interface Findings {
  readonly kills: number;
  readonly written: Written;
  readonly settled: boolean;
  readonly settledSeconds: number;
  readonly destinations: readonly DestinationProof[];
  readonly source: SourceProof;
  readonly badExits: number;
}

interface SourceProof {
  /** Rows beyond the retention that are still there. */
  readonly oldKept: number;
  /** Rows within the retention that are gone. */
  readonly youngDeleted: number;
}

/**
 * Archives and cleans up a table while replicas are killed, and reports whether anything was lost. Leaves no process
 * behind, and no file unless a promise was broken.
 *
 * @throws what keeps the harness itself from working; the evidence is kept then too
 */
export async function runTables(options: TablesOptions, context: TablesContext): Promise<TablesReport> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-chaos-tables-'));
  const processes = new ProcessBook(randomUUID());
  process.env[RUN_VARIABLE] = processes.run;
  const events = openEventLog(join(dir, 'events.jsonl'));
  events.note('run', { options });
  let findings: Findings;
  try {
    findings = await rehearse(options, context, { dir, processes, events });
  } catch (error) {
    if (context.stop.aborted) {
      await rm(dir, { recursive: true, force: true, maxRetries: 3 });
      throw error;
    }
    throw new Error(`the harness failed; seed ${String(options.seed)}, evidence in ${dir}`, { cause: error });
  } finally {
    Reflect.deleteProperty(process.env, RUN_VARIABLE);
  }
  const { written, source, ...more } = findings;
  const { seed, replicas } = options;
  const report = {
    ...{ seed, replicas, rows: written.rows.size, ...more, ...source },
    transactions: written.transactions,
    rolledBack: written.rolledBack,
    heldOpen: written.heldOpen,
    leakedProcesses: processes.alive().length,
  };
  const passed = Object.values(tablesViolations(report)).every((count) => count === 0);
  if (passed && !options.keep) {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    return { ...report, passed };
  }
  const kept = { ...report, passed, evidence: dir };
  await writeFile(join(dir, 'report.json'), JSON.stringify(kept, null, 2));
  return kept;
}

interface RunParts {
  readonly dir: string;
  readonly processes: ProcessBook;
  readonly events: EventLog;
}

async function rehearse(
  options: TablesOptions,
  context: TablesContext,
  { dir, processes, events }: RunParts,
): Promise<Findings> {
  const { stop } = context;
  const engines = await startTablesEngines(dir, stop);
  const logs = join(dir, 'logs');
  await mkdir(logs);
  const { settings } = loadSettings({ flags: {}, environment: engines.environment });
  const store = openStore(settings, silentLog());
  const environment = { ...baseEnvironment(processes), ...REPLICA_SETTINGS, ...engines.environment };
  const replicas = new ReplicaPool({ environment, logs, processes, events });
  try {
    await createMissingBuckets(store.s3, [engines.bucket]);
    const database = new Database(settings);
    await createLogScores(database, TABLE);
    await database.close();
    for (const pipeline of store.pipelines) await pipeline.prepare({ apply: true });
    return await ordeal(options, context, { engines, store, replicas, events });
  } finally {
    await replicas.killAll();
    await store.close();
    await engines.stop();
  }
}

interface Stage {
  readonly engines: TablesEngines;
  readonly store: Store;
  readonly replicas: ReplicaPool;
  readonly events: EventLog;
}

async function ordeal(
  options: TablesOptions,
  { stop, onProgress = () => undefined }: TablesContext,
  { engines, store, replicas, events }: Stage,
): Promise<Findings> {
  const random = seeded(options.seed);
  const [killDraws, writerDraws] = [random.fork(), random.fork()];
  const over = new AbortController();
  const writing = AbortSignal.any([stop, over.signal]);
  // Every writer that pauses listens.
  setMaxListeners(0, writing);
  const { mariadb, database } = engines;
  const { written, ended } = startWriters(
    {
      ...{ port: mariadb.port, database, table: TABLE, writers: options.writers },
      ages: { young: 1, old: RETENTION_DAYS + 1 },
      heldMs: { least: 500, most: 8000 },
      stop: writing,
    },
    writerDraws,
  );
  let kills = 0;
  try {
    await replicas.scale(options.replicas);
    await firstDelivery(store, stop);
    for (; kills < options.kills && !stop.aborted; kills += 1) {
      await killOne(replicas, killDraws, stop);
      onProgress('killing', kills + 1, written.rows.size);
    }
  } finally {
    over.abort();
    await ended;
  }
  stop.throwIfAborted();
  onProgress('settling', kills, written.rows.size);
  const began = performance.now();
  const limitSeconds = options.settleSeconds;
  const settlements = await Promise.all(
    store.pipelines.map((pipeline) => settle({ pipeline, keptBack: () => 0, limitSeconds, events, stop })),
  );
  await untilCleaned(engines, limitSeconds, stop);
  stop.throwIfAborted();
  await replicas.close();
  onProgress('proving', kills, written.rows.size);
  const destinations = await proveTables(store, engines.clickHouseUrl, written.rows, stop);
  events.note('proof', { destinations });
  return {
    ...{ kills, written, destinations },
    settled: settlements.every(({ settled }) => settled),
    settledSeconds: Math.round((performance.now() - began) / 1000),
    source: await proveSource(engines, written),
    badExits: replicas.exits.filter(({ complaint }) => complaint !== undefined).length,
  };
}

const WARM_UP_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 250;

async function firstDelivery(store: Store, stop: AbortSignal): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < WARM_UP_LIMIT_MS && !stop.aborted) {
    const all = await Promise.all(
      store.pipelines.map((pipeline) => pipeline.status().catch(() => undefined)),
    );
    if (all.some((status) => (status?.orders.delivered ?? 0) > 0)) return;
    await pause(LOOK_EVERY_MS, stop);
  }
}

/** Kills a replica at a random moment, and starts another in its place after a random time. */
async function killOne(replicas: ReplicaPool, random: Random, stop: AbortSignal): Promise<void> {
  await pause(random.between(50, 1500), stop);
  const replica = replicas.idle(random.next());
  const awayMs = random.between(0, 600);
  if (replica === undefined) return;
  replica.busy = true;
  await replica.kill();
  await pause(awayMs, stop);
  replicas.start(replica.start.slot);
}

async function withTable<Result>(
  { mariadb, database }: TablesEngines,
  read: (rows: (sql: string) => Promise<RowDataPacket[]>) => Promise<Result>,
): Promise<Result> {
  const options = { host: '127.0.0.1', port: mariadb.port, user: 'root', database };
  const connection = await createConnection(options);
  try {
    return await read(async (sql) => (await connection.query<RowDataPacket[]>(sql))[0]);
  } finally {
    await connection.end();
  }
}

async function untilCleaned(engines: TablesEngines, limitSeconds: number, stop: AbortSignal): Promise<void> {
  const began = performance.now();
  const old = `SELECT 1 FROM ${TABLE} WHERE ts < NOW() - INTERVAL ${String(RETENTION_DAYS)} DAY LIMIT 1`;
  await withTable(engines, async (rows) => {
    while (performance.now() - began < limitSeconds * 1000 && !stop.aborted) {
      if ((await rows(old)).length === 0) return;
      await pause(LOOK_EVERY_MS, stop);
    }
  });
}

async function proveSource(engines: TablesEngines, { rows: written }: Written): Promise<SourceProof> {
  const left = await withTable(engines, (rows) => rows(`SELECT id FROM ${TABLE}`));
  const kept = new Set(left.map((row) => Number(row['id'])));
  let [oldKept, youngDeleted] = [0, 0];
  for (const [key, { isOld }] of written) {
    if (isOld && kept.has(key)) oldKept += 1;
    if (!isOld && !kept.has(key)) youngDeleted += 1;
  }
  return { oldKept, youngDeleted };
}
