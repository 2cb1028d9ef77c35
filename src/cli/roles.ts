import type { Worker } from 'bullmq';
import { startDashboard, startMetricsServer } from '../dashboard/server.js';
import { startDeliveryWorker } from '../processors/delivery.js';
import { startDiscoveryWorker } from '../processors/discovery.js';
import { discoveriesOf, ensureScheduled, removeOtherSchedulers } from '../queues/discovery.js';
import { healthChecks, type Queues, type Store } from './assembly.js';
import { UsageError } from './context.js';

/** The roles that a process can play, in any mix. */
export const ROLES = ['discovery', 'processors', 'dashboard'] as const;

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

/** Something that runs until it is told to stop. */
export interface Running {
  /** Takes no new work and resolves when what is in flight has ended. */
  drain(): Promise<void>;
  /** Has what is in flight handed back now. */
  handBack(): void;
}

/** How often a discovery process sees to it that Redis still knows when the next discovery is due, in ms. */
const SCHEDULE_CHECK_MS = 15_000;

/** Starts discovery: its worker, and a watch over the schedule, which a wiped Redis forgets. */
export async function startDiscovery(store: Store, queues: Queues): Promise<Running> {
  const { settings, pipelines, metrics, log } = store;
  const jobs = pipelines.flatMap(({ name }) => discoveriesOf(name, settings['consumer.discovery-shards']));
  const ensure = async (): Promise<void> => {
    for (const job of jobs) await ensureScheduled(queues.discovery, settings, job);
  };
  await removeOtherSchedulers(queues.discovery, jobs);
  await ensure();
  const timer = setInterval(() => {
    ensure().catch((err: unknown) => {
      log.debug({ err }, 'the schedule of discovery could not be checked');
    });
  }, SCHEDULE_CHECK_MS);
  const parts = { settings, metrics, log, redis: queues.redis, discoveryQueue: queues.discovery };
  const worker = startDiscoveryWorker({ ...parts, pipelines: queues.deliveries });
  return {
    drain: async () => {
      clearInterval(timer);
      await worker.close();
    },
    handBack: () => {
      worker.cancelAllJobs('the process stops');
    },
  };
}

/** Starts the processors of all pipelines. */
export function startProcessors({ settings, pipelines, metrics, log }: Store): Running {
  const workers: readonly Worker[] = pipelines.map((pipeline) =>
    startDeliveryWorker({ settings, pipeline, metrics, log }),
  );
  return {
    drain: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    },
    handBack: () => {
      for (const worker of workers) worker.cancelAllJobs('the process stops');
    },
  };
}

/** Starts the dashboard. */
export async function startDashboardRole(store: Store, queues: Queues): Promise<Running> {
  const { settings, metrics, log } = store;
  const server = await startDashboard({
    settings,
    metrics,
    log,
    checks: healthChecks(store, queues.redis),
    queues: [
      { queue: queues.discovery, description: 'Finds what is ready and writes work orders' },
      ...queues.deliveries.map(({ pipeline, queue }) => ({
        queue,
        description: `Work orders of the ${pipeline.name} pipeline`,
      })),
    ],
  });
  log.info({ url: server.url }, 'dashboard listening');
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
