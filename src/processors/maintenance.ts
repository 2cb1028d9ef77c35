import { Worker, type Queue } from 'bullmq';
import { REDIS_RETRY_MS, redisOptions } from '../queues/connection.js';
import {
  bringForward,
  maintenanceId,
  maintenanceJobSchema,
  MAINTENANCE_TASKS,
  type MaintenanceJob,
  type MaintenanceTask,
} from '../queues/maintenance.js';
import { MAINTENANCE_QUEUE } from '../queues/names.js';
import { deliverLate } from './late-records.js';
import { Lease } from './lease.js';
import type { MaintenanceParts, TaskOutcome, TaskRunner } from './maintenance-task.js';
import { writeDueManifests } from './manifests.js';
import { measure } from './measure.js';
import { notifyOfStuck } from './notify.js';
import { HELD_UP_MS, levelOfFailure } from './outages.js';
import { findPipeline, needsOf } from '../queues/pipeline-queue.js';
import { untilCancelled } from './until-cancelled.js';

/** The body of each task. */
const RUNNERS: Readonly<Record<MaintenanceTask, TaskRunner>> = {
  audit: deliverLate,
  manifests: writeDueManifests,
  measure,
  notify: notifyOfStuck,
};

/** What the worker of maintenance works with. */
export interface MaintenanceWorkerParts extends MaintenanceParts {
  readonly maintenanceQueue: Queue;
}

/** How long a task may be silent before another process may take its place, in ms. */
const LEASE_MS = 60_000;

/** Pipelines and tasks that one process works at side by side; a task that takes long must not hold up another. */
const concurrencyOf = ({ pipelines }: MaintenanceParts): number =>
  Math.max(1, pipelines.length * MAINTENANCE_TASKS.length);

/**
 * Runs a task once. At most one run of a pipeline and task is under way, whatever the number of processes.
 *
 * @returns undefined when one is under way already
 */
export async function runMaintenance(
  parts: MaintenanceParts,
  job: MaintenanceJob,
  signal: AbortSignal,
): Promise<TaskOutcome | undefined> {
  const { settings, pipelines, redis } = parts;
  const on = findPipeline(pipelines, job.pipeline);
  const key = `${settings['redis.key-prefix']}:maintaining:${maintenanceId(job)}`;
  const lease = await Lease.take(redis, key, LEASE_MS);
  if (lease === undefined) return undefined;
  try {
    return await RUNNERS[job.task](parts, on, { signal, leaseRemainingMs: lease.remainingMs });
  } finally {
    await lease.release();
  }
}

/**
 * Takes the repeatable maintenance jobs. A run that takes longer than its interval does not pile up others: BullMQ
 * makes the next job when one is taken, and one that finds a run under way ends at once.
 */
export function startMaintenanceWorker(parts: MaintenanceWorkerParts): Worker {
  const { settings, metrics, log } = parts;
  const worker = new Worker<unknown, TaskOutcome['figures'] | { readonly skipped: string }>(
    MAINTENANCE_QUEUE,
    async (job, _token, cancelled) => {
      const payload = maintenanceJobSchema.parse(job.data);
      const signal = cancelled ?? new AbortController().signal;
      const count = (status: string): void => {
        metrics.maintenanceRuns.inc({ ...payload, status });
      };
      const heldUp = parts.heldUpBy?.(findPipeline(parts.pipelines, payload.pipeline).pipeline);
      if (heldUp !== undefined) {
        if (!worker.closing) await bringForward(parts.maintenanceQueue, settings, payload, HELD_UP_MS);
        return { skipped: heldUp };
      }
      try {
        const outcome = await untilCancelled(runMaintenance(parts, payload, signal), signal);
        count(outcome === undefined ? 'skipped' : 'success');
        if (outcome === undefined) return { skipped: 'a run is under way already' };
        log[outcome.found ? 'info' : 'debug']({ ...payload, ...outcome.figures }, payload.task);
        return outcome.figures;
      } catch (error) {
        count(signal.aborted ? 'stopped' : 'failed');
        if (signal.aborted) return { skipped: 'the process stopped' };
        throw error;
      }
    },
    {
      connection: redisOptions(settings),
      prefix: settings['redis.key-prefix'],
      concurrency: concurrencyOf(parts),
      lockDuration: settings['queue.lock-duration-seconds'] * 1000,
      runRetryDelay: REDIS_RETRY_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('failed', (job, err) => {
    void levelOfFailure(parts.outages, needsOf(parts.pipelines, job?.data), job).then((level) => {
      log[level]({ err, job: job?.id, task: job?.name }, 'maintenance failed; the next run tries again');
    });
  });
  worker.on('error', (err) => {
    log.debug({ err }, 'maintenance worker');
  });
  return worker;
}
