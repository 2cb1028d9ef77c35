import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../config/load.js';
import type { PipelineKindName } from '../../config/pipeline-settings.js';
import { createLog } from '../../observability/log.js';
import type { AuditReport, Pipeline } from '../../pipelines/pipeline.js';
import { openStore } from '../assembly.js';
import { describeAudit, isClean } from '../commands/audit.js';
import { print, printJson, type CliContext } from '../context.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import type { Demo, DemoEngines, DemoStage } from './demo.js';
import { startRun, type DemoProcess } from './processes.js';

/** What the demo is to do. */
export interface DemoOptions {
  readonly kind: PipelineKindName;
  readonly demo: Demo;
  /** Directory for the engines' data and the logs; the caller removes it. */
  readonly dir: string;
  readonly rows: number;
  /** End after the audit instead of going on with a trickle of records. */
  readonly exit: boolean;
}

/** Settings that make a demo lively: nothing waits for long, and ports are free ones. */
const LIVELY = {
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '5',
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '2',
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '1',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '2',
  LOG_COURIER_DASHBOARD_LISTEN_PORT: '0',
  LOG_COURIER_METRICS_SERVER_LISTEN_PORT: '0',
} as const;

const LOOK_EVERY_MS = 500;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the demo: engines, records, two processors, a dashboard, an audit. */
export async function runDemo(context: CliContext, options: DemoOptions): Promise<void> {
  const { stdout } = context;
  const { kind, demo } = options;
  print(stdout, `Starting ${demo.engineNames} …`);
  const given = {
    ...{ ...context.environment, ...LIVELY, ...demo.settings },
    LOG_COURIER_PIPELINES: kind,
  };
  const engines = await demo.startEngines({ dir: options.dir, signal: context.stop, environment: given });
  let reports: readonly AuditReport[] | undefined;
  try {
    const environment = { ...given, ...engines.environment };
    const { settings } = loadSettings({ flags: {}, environment });
    const store = openStore(settings, createLog('warn'));
    try {
      reports = await demonstrate({ context, store, rows: options.rows }, options, engines, environment);
    } finally {
      await store.close();
    }
  } finally {
    await engines.stop();
  }
  if (reports === undefined) return;
  if (!reports.every(isComplete)) context.exitCode = 1;
  if (options.exit) for (const report of reports) printJson(stdout, report);
}

/** Tells whether an audit found everything delivered, once. */
function isComplete(report: AuditReport): boolean {
  return isClean(report) && report.outstanding + report.skipped + report.undelivered === 0;
}

async function demonstrate(
  stage: DemoStage,
  options: DemoOptions,
  engines: DemoEngines,
  environment: Environment,
): Promise<readonly AuditReport[] | undefined> {
  const { context, store } = stage;
  const { demo } = options;
  try {
    // Access logs lie in tables that belong to the schema.
    for (const pipeline of store.pipelines) await pipeline.prepare({ apply: true, signal: context.stop });
    const engineFailed = engines.failed === undefined ? [] : [engines.failed];
    print(context.stdout, await Promise.race([demo.generate(stage), ...engineFailed]));
    const logs = join(options.dir, 'logs');
    await mkdir(logs, { recursive: true });
    const service = startRun('discovery,dashboard', 'discovery-and-dashboard', logs, environment);
    const processes = [
      service,
      startRun('processors', 'processor-1', logs, environment),
      startRun('processors', 'processor-2', logs, environment),
    ];
    try {
      const failed = [...processes.map((one) => one.failed), ...engineFailed];
      await Promise.race([watchDelivery(stage, demo), ...failed]);
      const reports = await audited(store.pipelines, context.stop);
      const counted = await demo.countBack?.(stage);
      if (counted?.isComplete === false) context.exitCode = 1;
      await tell(stage, options, { engines, service, logs, reports, counted: counted?.says });
      if (!options.exit) await Promise.race([trickle(stage, demo), ...failed]);
      return reports;
    } finally {
      await Promise.all(processes.map((one) => one.stop()));
    }
  } catch (error) {
    if (context.stop.aborted) return undefined;
    throw error;
  }
}

async function audited(pipelines: readonly Pipeline[], signal: AbortSignal): Promise<readonly AuditReport[]> {
  const reports: AuditReport[] = [];
  for (const pipeline of pipelines) reports.push(await pipeline.audit({ deep: true, signal }));
  return reports;
}

/** Shows how far delivery is, until nothing is left or something failed. */
async function watchDelivery(stage: DemoStage, demo: Demo): Promise<void> {
  const { context, store, rows } = stage;
  const total = rows * (demo.deliveries?.(stage) ?? 1);
  const progress = startProgress(context.stderr, total, demo.record.many, 'delivering  ');
  let left = total;
  try {
    for (;;) {
      const all = await Promise.all(store.pipelines.map((pipeline) => pipeline.status()));
      const undelivered = all.reduce((sum, { undeliveredRecords }) => sum + undeliveredRecords, 0);
      left = (await demo.left?.(stage)) ?? undelivered;
      progress.update(Math.max(0, total - left));
      if (all.some(({ orders }) => orders.failed > 0) && all.every(({ orders }) => orders.open === 0)) return;
      if (undelivered === 0 && (await (demo.isDone?.(stage) ?? true))) {
        left = (await demo.left?.(stage)) ?? 0;
        return;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: context.stop });
    }
  } finally {
    progress.stop();
    print(context.stdout, `Delivered ${formatCount(Math.max(0, total - left))} of ${formatCount(total)}.`);
  }
}

interface Findings {
  readonly engines: DemoEngines;
  readonly service: DemoProcess;
  readonly logs: string;
  readonly reports: readonly AuditReport[];
  /** What was found by counting otherwise, in a sentence. */
  readonly counted: string | undefined;
}

/** Says where to look, and what the audit found. */
async function tell(stage: DemoStage, { demo, exit }: DemoOptions, findings: Findings): Promise<void> {
  const { stdout } = stage.context;
  const { engines, service, logs, reports, counted } = findings;
  const lines = await demo.sample(stage);
  print(stdout);
  print(
    stdout,
    exit
      ? 'Where to look (all of it is gone when the demo ends; it stays up without --exit):'
      : 'Where to look:',
  );
  const places = [
    { what: 'Dashboard', where: await service.dashboardUrl },
    ...engines.places,
    { what: 'Process logs', where: logs },
  ];
  const width = Math.max(...places.map(({ what }) => what.length)) + 2;
  for (const { what, where } of places) print(stdout, `  ${what.padEnd(width)}${where}`);
  print(stdout);
  for (const line of lines) print(stdout, line);
  print(stdout);
  for (const report of reports) print(stdout, `Deep audit of ${describeAudit(report)}`);
  if (counted !== undefined) print(stdout, counted);
}

/** Goes on with new records until the demo is stopped. */
async function trickle(stage: DemoStage, { more, record }: Demo): Promise<void> {
  const { stdout, stop } = stage.context;
  print(
    stdout,
    `${formatCount(more.records)} more ${record.many} every ${String(more.everySeconds)} s, until Ctrl-C.`,
  );
  for (let round = 1; !stop.aborted; round += 1) {
    await more.make(stage, round);
    await sleep(more.everySeconds * 1000, undefined, { signal: stop });
  }
}
