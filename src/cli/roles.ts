import { startDashboard, startMetricsServer } from '../dashboard/server.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { startDeliveryWorker } from '../processors/delivery.js';
import { startDiscoveryWorker } from '../processors/discovery.js';
import { followFigures } from '../processors/figures.js';
import { InFlight } from '../processors/in-flight.js';
import { startMaintenanceWorker } from '../processors/maintenance.js';
import type { HeldUpBy } from '../processors/outages.js';
import { lanesOf } from '../processors/small-in-flight.js';
import { discoveriesOf, ensureScheduled, removeOtherSchedulers } from '../queues/discovery.js';
import { ensureMaintenance, maintenanceOf, setUpMaintenance } from '../queues/maintenance.js';
import { healthChecks, type Queues, type Store } from './assembly.js';
import { UsageError } from './context.js';
import type { EngineWatch } from './engine-watch.js';
import { startCollector } from '../pipelines/reports/collector/collector.js';
import { version } from './version.js';
import { isWanting, runWorkers } from './worker-role.js';

/** The roles that a process can play, in any mix. */
export const ROLES = ['discovery', 'processors', 'dashboard', 'collector'] as const;

/** See {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** Reads a comma-separated list of roles. */
export function rolesFrom(text: string): readonly Role[] {
  const names = text.split(',').map((name) => name.trim());
  const roles = ROLES.filter((role) => names.includes(role));
  const unknown = names.filter((name) => !ROLES.some((role) => role === name));
  if (unknown.length > 0 || roles.length === 0) {
    throw new UsageError(
      `--roles: ${JSON.stringify(text)} is not allowed; give one or several of ${ROLES.join(', ')}`,
    );
  }
  return roles;
}

/**
 * The roles that a process has which nobody gave any: all, the collector where there is something to collect.
 *
 * @param pipelines kinds of pipelines that are enabled
 */
export function usualRoles(pipelines: readonly string[]): readonly Role[] {
  return ROLES.filter((role) => role !== 'collector' || pipelines.includes('reports'));
}

/** Something that runs until it is told to stop. */
export interface Running {
  /** Takes no new work and resolves when what is in flight has ended. */
  drain(): Promise<void>;
  /** Has what is in flight handed back now. */
  handBack(): void;
}

/** How often a discovery process sees to it that Redis still knows when its repeatable jobs are due, in ms. */
const SCHEDULE_CHECK_MS = 5000;

/** What repeatable jobs are started with. */
export interface ScheduleParts {
  readonly watch?: EngineWatch | undefined;
  /** See {@link HeldUpBy}. */
  readonly heldUpBy?: HeldUpBy | undefined;
}

/**
 * Watches over a schedule, which a wiped Redis forgets: from time to time, and when an engine is back.
 *
 * @returns ends it
 */
function watchSchedule(
  ensure: () => Promise<void>,
  { pipelines, log }: Pick<Store, 'pipelines' | 'log'>,
  watch: EngineWatch | undefined,
): () => void {
  let isChecking = false;
  const check = (): void => {
    // Jobs that nobody takes while their engines are away look as if the schedule were not followed. And a Redis that
    // is away need not be asked for the same again and again.
    if (isChecking || isWanting(needsOf(pipelines), watch)) return;
    isChecking = true;
    ensure()
      .catch((err: unknown) => {
        log.debug({ err }, 'the schedule could not be checked');
      })
      .finally(() => {
        isChecking = false;
      });
  };
  const timer = setInterval(check, SCHEDULE_CHECK_MS);
  watch?.on('back', check);
  return () => {
    clearInterval(timer);
    watch?.off('back', check);
  };
}

/** What pipelines need to discover, one after the other. */
function needsOf(pipelines: readonly Pipeline[]): readonly (readonly string[])[] {
  return pipelines.map(({ needs }) => needs.discovery);
}

/** Starts discovery: its worker, and a watch over the schedule, which a wiped Redis forgets. */
export async function startDiscovery(
  store: Store,
  queues: Queues,
  { watch, heldUpBy }: ScheduleParts = {},
): Promise<Running> {
  const { settings, pipelines, metrics, log, tracing } = store;
  const jobs = pipelines.flatMap(({ name }) => discoveriesOf(name, settings['consumer.discovery-shards']));
  const ensure = async (): Promise<void> => {
    for (const job of jobs) await ensureScheduled(queues.discovery, settings, job);
  };
  await removeOtherSchedulers(queues.discovery, jobs);
  await ensure();
  const stopWatching = watchSchedule(ensure, store, watch);
  const parts = { settings, metrics, log, tracing, redis: queues.redis, discoveryQueue: queues.discovery };
  const worker = startDiscoveryWorker({
    ...parts,
    pipelines: queues.deliveries,
    outages: watch,
    heldUpBy,
  });
  const running = runWorkers({ workers: [worker], needs: needsOf(pipelines), watch, log });
  return {
    drain: () => {
      stopWatching();
      return running.drain();
    },
    handBack: () => {
      running.handBack();
    },
  };
}

/** Starts what the discovery role does at regular intervals beside discovery, and a watch over its schedule. */
export async function startMaintenance(
  store: Store,
  queues: Queues,
  { watch, heldUpBy }: ScheduleParts = {},
): Promise<Running> {
  const { settings, pipelines, metrics, log } = store;
  const jobs = pipelines.flatMap(({ name }) => maintenanceOf(name));
  for (const job of jobs) await setUpMaintenance(queues.maintenance, settings, job);
  const ensure = async (): Promise<void> => {
    for (const job of jobs) await ensureMaintenance(queues.maintenance, settings, job);
  };
  const stopWatching = watchSchedule(ensure, store, watch);
  const { redis, deliveries } = queues;
  const worker = startMaintenanceWorker({
    settings,
    metrics,
    log,
    redis,
    pipelines: deliveries,
    maintenanceQueue: queues.maintenance,
    outages: watch,
    heldUpBy,
  });
  const running = runWorkers({ workers: [worker], needs: needsOf(pipelines), watch, log });
  return {
    drain: () => {
      stopWatching();
      return running.drain();
    },
    handBack: () => {
      running.handBack();
    },
  };
}

/** Starts to show, in this process's metrics, how the pipelines stand. */
export function startFigures({ settings, metrics, log }: Store, queues: Queues): Running {
  const { redis, discovery, deliveries } = queues;
  const stop = followFigures({ settings, metrics, log, redis, discovery, deliveries });
  return {
    drain: () => {
      stop();
      return Promise.resolve();
    },
    handBack: () => undefined,
  };
}

/** Starts the processors of some pipelines, or of all; the orders that they are at are counted in `inFlight`. */
export function startProcessors(
  store: Store,
  watch?: EngineWatch,
  inFlight = new InFlight(),
  pipelines = store.pipelines,
): Running {
  const each = pipelines.map((pipeline) => startProcessorsOf(pipeline, store, watch, inFlight));
  return {
    drain: async () => {
      await Promise.all(each.map((running) => running.drain()));
    },
    handBack: () => {
      for (const running of each) running.handBack();
    },
  };
}

function startProcessorsOf(
  pipeline: Pipeline,
  { settings, metrics, log, tracing }: Store,
  watch: EngineWatch | undefined,
  inFlight: InFlight,
): Running {
  const workers = lanesOf(settings).map((lane) =>
    startDeliveryWorker({
      settings: { ...settings, ...lane },
      pipeline,
      metrics,
      log,
      tracing,
      inFlight,
      outages: watch,
    }),
  );
  const needs = [pipeline.needs.delivery];
  return runWorkers({ workers, needs, idle: () => inFlight.idle(), watch, log });
}

/** Starts the dashboard. */
export async function startDashboardRole(store: Store, queues: Queues): Promise<Running> {
  const { settings, metrics, log } = store;
  const server = await startDashboard({
    settings,
    metrics,
    log,
    checks: healthChecks(store, queues.redis),
    redis: queues.redis,
    work: { version: version(), discovery: queues.discovery, deliveries: queues.deliveries },
    queues: [
      { queue: queues.discovery, description: 'Finds what is ready and writes work orders' },
      { queue: queues.maintenance, description: 'Audits, manifests, measurements and notifications' },
      ...queues.deliveries.map(({ pipeline, queue }) => ({
        queue,
        description: `Work orders of the ${pipeline.name} pipeline`,
      })),
    ],
  });
  log.info({ url: `${server.url}${settings['dashboard.base-path']}` }, 'dashboard listening');
  return { drain: () => server.close(), handBack: () => undefined };
}

/** Starts the server of metrics and probes. */
export async function startMetrics(store: Store, queues: Queues): Promise<Running> {
  const { settings, metrics, log } = store;
  const server = await startMetricsServer({
    settings,
    metrics,
    log,
    checks: healthChecks(store, queues.redis),
  });
  log.info({ url: server.url }, 'metrics server listening');
  return { drain: () => server.close(), handBack: () => undefined };
}

/** Starts to take reports. It needs neither Redis nor the archive, and works while they are away. */
export async function startCollectorRole({ settings, metrics, log }: Store): Promise<Running> {
  if (!settings.pipelines.includes('reports')) {
    throw new UsageError(
      '--roles: collector takes reports, and the setting pipelines does not name reports; add it there',
    );
  }
  const collector = await startCollector({ settings, metrics, log });
  log.info({ url: collector.url }, 'collector listening');
  return { drain: () => collector.close(), handBack: () => undefined };
}
