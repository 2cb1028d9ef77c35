import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { applySchema } from '../../clickhouse/schema.js';
import { tablesOf } from '../../clickhouse/tables.js';
import { loadSettings } from '../../config/load.js';
import { createMissingBuckets } from '../../destinations/s3/buckets.js';
import { readableBody } from '../../destinations/s3/read.js';
import { startEngines, type Engines } from '../../embedded/engines.js';
import { createLog } from '../../observability/log.js';
import { generateRecords } from '../../pipelines/access-logs/generate/generate.js';
import { planGeneration } from '../../pipelines/access-logs/generate/plan.js';
import type { AuditReport, Pipeline } from '../../pipelines/pipeline.js';
import { openStore, type Store } from '../assembly.js';
import { describeAudit, isClean } from '../commands/audit.js';
import { print, printJson, type CliContext } from '../context.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import { startRun, type DemoProcess } from './processes.js';

/** What the demo is to do. */
export interface DemoOptions {
  /** Directory for the engines' data and the logs; the caller removes it. */
  readonly dir: string;
  readonly rows: number;
  /** End after the audit instead of going on with a trickle of records. */
  readonly exit: boolean;
}

/** Settings that make a demo lively: nothing waits for long, ports are free ones, orders are small. */
const LIVELY = {
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '5',
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '2',
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '1',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '2',
  LOG_COURIER_CONSUMER_MAX_LOGS_PER_BUCKET: '10000',
  LOG_COURIER_DASHBOARD_LISTEN_PORT: '0',
  LOG_COURIER_METRICS_SERVER_LISTEN_PORT: '0',
} as const;

const SOURCE_BUCKETS = 50;
const TARGET_BUCKETS = 5;
const SEED = 1;
/** The generated records are an hour old, so that all of them are ready at once. */
const AGE_SECONDS = 3600;
/** The trickle: so many records every so many seconds. */
const TRICKLE_RECORDS = 300;
const TRICKLE_SECONDS = 2;
const LOOK_EVERY_MS = 500;

/** Runs the demo: engines, records, two processors, a dashboard, an audit. */
export async function runDemo(context: CliContext, options: DemoOptions): Promise<void> {
  const { stdout } = context;
  print(stdout, 'Starting Redis, ClickHouse and S3 …');
  const engines = await startEngines({ dir: join(options.dir, 'engines'), signal: context.stop });
  let report: AuditReport | undefined;
  try {
    const environment = { ...context.environment, ...LIVELY, ...engines.environment };
    const { settings } = loadSettings({ flags: {}, environment });
    const store = openStore(settings, createLog('warn'));
    try {
      report = await demonstrate(context, options, engines, store, environment);
    } finally {
      await store.close();
    }
  } finally {
    await engines.stop();
  }
  if (report === undefined) return;
  if (!isClean(report) || report.outstanding + report.skipped + report.undelivered > 0) context.exitCode = 1;
  if (options.exit) printJson(stdout, report);
}

async function demonstrate(
  context: CliContext,
  options: DemoOptions,
  engines: Engines,
  store: Store,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<AuditReport | undefined> {
  const [pipeline] = store.pipelines;
  if (pipeline === undefined) return undefined;
  await applySchema(store.clickhouse, store.settings);
  await generate(context, options, store);
  const logs = join(options.dir, 'logs');
  await mkdir(logs, { recursive: true });
  const service = startRun('discovery,dashboard', 'discovery-and-dashboard', logs, environment);
  const processes = [
    service,
    startRun('processors', 'processor-1', logs, environment),
    startRun('processors', 'processor-2', logs, environment),
  ];
  try {
    const failed = processes.map((one) => one.failed);
    await Promise.race([watchDelivery(context, options.rows, pipeline), ...failed]);
    const report = await pipeline.audit({ deep: true, signal: context.stop });
    await tell(context, options, { engines, store, service, logs, report });
    if (!options.exit) await Promise.race([trickle(context, store), ...failed]);
    return report;
  } catch (error) {
    if (context.stop.aborted) return undefined;
    throw error;
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
  }
}

async function generate(
  context: CliContext,
  { rows }: DemoOptions,
  { clickhouse, s3, settings }: Store,
): Promise<void> {
  const plan = {
    rows,
    seed: SEED,
    sourceBuckets: SOURCE_BUCKETS,
    targetBuckets: TARGET_BUCKETS,
    ageSeconds: AGE_SECONDS,
  };
  await createMissingBuckets(s3, planGeneration(plan).targetBuckets);
  const progress = startProgress(context.stderr, rows, 'records', 'generating  ');
  await generateRecords(clickhouse, tablesOf(settings), {
    ...plan,
    rowsPerInsert: 20_000,
    signal: context.stop,
    onProgress: progress.update,
  });
  progress.stop();
  print(
    context.stdout,
    `Generated ${formatCount(rows)} records in ${String(SOURCE_BUCKETS)} source buckets.`,
  );
}

/** Shows how far delivery is, until nothing is left or something failed. */
async function watchDelivery(context: CliContext, rows: number, pipeline: Pipeline): Promise<void> {
  const progress = startProgress(context.stderr, rows, 'records', 'delivering  ');
  let left = rows;
  try {
    for (;;) {
      const { undeliveredRecords, orders } = await pipeline.status();
      left = undeliveredRecords;
      progress.update(rows - left);
      if (left === 0 || (orders.failed > 0 && orders.open === 0)) return;
      await sleep(LOOK_EVERY_MS, undefined, { signal: context.stop });
    }
  } finally {
    progress.stop();
    print(context.stdout, `Delivered ${formatCount(rows - left)} of them.`);
  }
}

interface Findings {
  readonly engines: Engines;
  readonly store: Store;
  readonly service: DemoProcess;
  readonly logs: string;
  readonly report: AuditReport;
}

/** Says where to look, and what the audit found. */
async function tell({ stdout }: CliContext, { exit }: DemoOptions, findings: Findings): Promise<void> {
  const { engines, store, service, logs, report } = findings;
  const { targetBuckets } = planGeneration({ rows: 1, seed: SEED, targetBuckets: TARGET_BUCKETS });
  const lines = await firstLines(store.s3, targetBuckets);
  print(stdout);
  print(
    stdout,
    exit
      ? 'Where to look (all of it is gone when the demo ends; it stays up without --exit):'
      : 'Where to look:',
  );
  print(stdout, `  Dashboard     ${await service.dashboardUrl}`);
  print(stdout, `  Log objects   ${engines.s3Directory}`);
  print(stdout, `  Process logs  ${logs}`);
  print(stdout);
  for (const line of lines) print(stdout, line);
  print(stdout);
  print(stdout, `Deep audit of ${describeAudit(report)}`);
}

/** Name and first two lines of one log object. */
async function firstLines(s3: S3Client, buckets: readonly string[]): Promise<readonly string[]> {
  for (const Bucket of buckets) {
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }));
    const Key = Contents?.[0]?.Key;
    if (Key === undefined) continue;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const lines: string[] = [];
    for await (const line of createInterface({ input: readableBody(Body) })) {
      lines.push(line);
      if (lines.length === 2) break;
    }
    return [`The first lines of s3://${Bucket}/${Key}:`, ...lines];
  }
  return ['No log object was found.'];
}

/** Goes on with new records until the demo is stopped. */
async function trickle({ stdout, stop }: CliContext, { clickhouse, settings }: Store): Promise<void> {
  print(
    stdout,
    `${formatCount(TRICKLE_RECORDS)} more records every ${String(TRICKLE_SECONDS)} s, until Ctrl-C.`,
  );
  for (let round = 1; !stop.aborted; round += 1) {
    await generateRecords(clickhouse, tablesOf(settings), {
      rows: TRICKLE_RECORDS,
      seed: SEED + round,
      sourceBuckets: SOURCE_BUCKETS,
      targetBuckets: TARGET_BUCKETS,
      spanSeconds: TRICKLE_SECONDS,
      signal: stop,
    });
    await sleep(TRICKLE_SECONDS * 1000, undefined, { signal: stop });
  }
}
