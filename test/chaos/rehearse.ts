import { join } from 'node:path';
import { applySchema } from '../../src/clickhouse/schema.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { openStore } from '../../src/cli/assembly.js';
import { loadSettings } from '../../src/config/load.js';
import { createMissingBuckets } from '../../src/destinations/s3/buckets.js';
import { silentLog } from '../../src/observability/log.js';
import type { AuditReport } from '../../src/pipelines/pipeline.js';
import { startChaosEngines, type ChaosEngines } from './engines/engines.js';
import { TARGET_BUCKETS } from './load/sources.js';
import type { ChaosOptions } from './options.js';
import { baseEnvironment } from './processes.js';
import { ReplicaPool } from './replicas/pool.js';
import type { ReplicaExit } from './replicas/replica.js';
import { REPLICA_SETTINGS } from './replicas/settings.js';
import { underFaults, type Ordeal, type RunParts, type Stage } from './under-faults.js';
import { ordersWithSeveralJobs } from './verdict/doubled-jobs.js';
import { prove, type Proof } from './verdict/proof.js';
import { settle, type Settlement } from './verdict/settle.js';
import { objectHistory, type ObjectHistory } from './watch/object-history.js';
import { keepOffsets, type OffsetRegression } from './watch/offset-keeper.js';

/** What a run has seen. */
export interface Findings extends Ordeal {
  /** Requests that the proxies harmed, by engine and kind. */
  readonly harmedRequests: Readonly<Record<string, number>>;
  readonly regressions: readonly OffsetRegression[];
  readonly objects: ObjectHistory;
  readonly settlement: Settlement;
  readonly exits: readonly ReplicaExit[];
  readonly deepAudit: AuditReport;
  readonly proof: Proof;
  /** Orders with more than one job at the end. */
  readonly doubledJobs: readonly string[];
}

/**
 * Runs everything once, from the start of the engines to the proof. All processes have ended when it resolves or
 * rejects.
 */
export async function rehearse(options: ChaosOptions, parts: RunParts): Promise<Findings> {
  const { dir, logs, processes, events, stop } = parts;
  const conditionalWrites = options.conditionalWrites === 'on';
  const engines = await startChaosEngines({
    dir: join(dir, 'engines'),
    conditionalWrites,
    processes,
    events,
    stop,
  });
  const { settings } = loadSettings({ flags: {}, environment: engines.directEnvironment });
  const store = openStore(settings, silentLog());
  const environment = { ...baseEnvironment(processes), ...REPLICA_SETTINGS, ...engines.harmedEnvironment };
  const replicas = new ReplicaPool({ environment, logs, processes, events });
  try {
    await applySchema(store.clickhouse, settings);
    await createMissingBuckets(store.s3, TARGET_BUCKETS);
    const [pipeline] = store.pipelines;
    if (pipeline === undefined) throw new Error('log-courier has no pipeline');
    return await observed(options, parts, { engines, store, pipeline, replicas });
  } finally {
    await replicas.killAll();
    await store.close();
    await engines.close();
  }
}

async function observed(options: ChaosOptions, parts: RunParts, stage: Stage): Promise<Findings> {
  const { engines, store, replicas } = stage;
  const watching = new AbortController();
  const offsets = keepOffsets({
    clickhouse: store.clickhouse,
    tables: tablesOf(store.settings),
    file: join(parts.dir, 'offsets.jsonl'),
    stop: watching.signal,
  });
  try {
    const ordeal = await underFaults(options, parts, stage);
    const verdict = await judge(options, parts, stage, ordeal);
    watching.abort();
    return {
      ...ordeal,
      ...verdict,
      harmedRequests: harmedRequests(engines),
      regressions: await offsets,
      objects: await objectHistory(engines.journal),
      exits: replicas.exits,
    };
  } finally {
    watching.abort();
    await offsets;
  }
}

/** Lets everything come to rest, ends the replicas, and compares what is in S3 with what is in ClickHouse. */
async function judge(
  { replicas: usualReplicas, settleSeconds }: ChaosOptions,
  { events, stop, onProgress }: RunParts,
  { engines, store, pipeline, replicas }: Stage,
  { faults, load }: Ordeal,
): Promise<Pick<Findings, 'settlement' | 'deepAudit' | 'proof' | 'doubledJobs'>> {
  stop.throwIfAborted();
  const counts = { faults: faults.total, records: load.records };
  onProgress({ phase: 'settling', ...counts });
  await replicas.scale(usualReplicas);
  const keptBack = (): number => engines.s3Proxy.keptBack() + engines.clickhouseProxy.keptBack();
  const settlement = await settle({ pipeline, keptBack, limitSeconds: settleSeconds, events, stop });
  stop.throwIfAborted();
  onProgress({ phase: 'proving', ...counts });
  await replicas.close();
  const doubledJobs = await ordersWithSeveralJobs(store.settings, pipeline.name);
  const deepAudit = await pipeline.audit({ deep: true, signal: stop });
  const { clickhouse, s3, settings } = store;
  const proof = await prove({ clickhouse, s3, tables: tablesOf(settings) });
  events.note('proof', { deepAudit, proof });
  return { settlement, deepAudit, proof, doubledJobs };
}

function harmedRequests({ clickhouseProxy, s3Proxy }: ChaosEngines): Record<string, number> {
  return Object.fromEntries([
    ...[...s3Proxy.harmed].map(([kind, count]) => [`S3 ${kind}`, count] as const),
    ...[...clickhouseProxy.harmed].map(([kind, count]) => [`ClickHouse ${kind}`, count] as const),
  ]);
}
