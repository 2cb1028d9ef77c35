import { setMaxListeners } from 'node:events';
import { tablesOf } from '../../src/clickhouse/tables.js';
import type { Store } from '../../src/cli/assembly.js';
import type { Pipeline } from '../../src/pipelines/pipeline.js';
import type { ChaosEngines } from './engines/engines.js';
import type { EventLog } from './event-log.js';
import { injectFaults, type FaultCounts } from './faults/injector.js';
import { runLoad, type LoadCounts } from './load/load.js';
import { TARGET_BUCKETS } from './load/sources.js';
import type { ChaosOptions } from './options.js';
import { pause } from './pause.js';
import type { ProcessBook } from './processes.js';
import { seeded } from './random.js';
import type { ReplicaPool } from './replicas/pool.js';

/** Where a run stands. */
export interface Progress {
  readonly phase: 'warming up' | 'faults' | 'settling' | 'proving';
  readonly faults: number;
  readonly records: number;
}

/** What a run is given. */
export interface RunParts {
  /** Directory of everything that the run writes. */
  readonly dir: string;
  /** Directory of the replicas' logs. */
  readonly logs: string;
  readonly processes: ProcessBook;
  readonly events: EventLog;
  readonly stop: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** What plays in a run. */
export interface Stage {
  readonly engines: ChaosEngines;
  /** Reaches the engines without a proxy. */
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly replicas: ReplicaPool;
}

/** What was done to log-courier. */
export interface Ordeal {
  readonly faults: FaultCounts;
  readonly load: LoadCounts;
}

/** Faults begin at the latest after this time, delivered or not. */
const WARM_UP_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 500;

/** Records come in, and from the first delivery on faults happen, until their time is up. */
export async function underFaults(options: ChaosOptions, parts: RunParts, stage: Stage): Promise<Ordeal> {
  const { minutes, replicas: usualReplicas, rate, seed, lateRecords } = options;
  const { events, onProgress } = parts;
  const { engines, store, replicas } = stage;
  const random = seeded(seed);
  const [faultDraws, loadDraws] = [random.fork(), random.fork()];
  const over = new AbortController();
  // Every fault that is under way listens.
  setMaxListeners(0, over.signal);
  const end = (): void => {
    over.abort();
  };
  parts.stop.addEventListener('abort', end, { once: true });
  const stop = over.signal;
  let now: Progress = { phase: 'warming up', faults: 0, records: 0 };
  const tell = (more: Partial<Progress>): void => {
    now = { ...now, ...more };
    onProgress(now);
  };
  await replicas.scale(usualReplicas);
  const loading = runLoad(
    {
      clickhouse: store.clickhouse,
      table: tablesOf(store.settings).logs,
      recordsPerSecond: rate,
      lateRecords: lateRecords === 'on',
      events,
      stop,
    },
    loadDraws,
    ({ records }) => {
      tell({ records });
    },
  );
  await firstDelivery(stage.pipeline, stop);
  tell({ phase: 'faults' });
  const timer = setTimeout(end, minutes * 60_000);
  const world = { ...engines, replicas, usualReplicas, targetBuckets: TARGET_BUCKETS, events, stop };
  try {
    const faults = await injectFaults(world, faultDraws, ({ total }) => {
      tell({ faults: total });
    });
    return { faults, load: await loading };
  } finally {
    clearTimeout(timer);
    parts.stop.removeEventListener('abort', end);
    end();
    await loading;
  }
}

async function firstDelivery(pipeline: Pipeline, stop: AbortSignal): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < WARM_UP_LIMIT_MS && !stop.aborted) {
    const status = await pipeline.status().catch(() => undefined);
    if (status !== undefined && status.orders.delivered > 0) return;
    await pause(LOOK_EVERY_MS, stop);
  }
}
