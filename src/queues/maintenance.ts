import { Queue } from 'bullmq';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import { redisOptions } from './connection.js';
import { MAINTENANCE_QUEUE } from './names.js';
import { intervalInForce, schedule } from './schedule.js';

/** What is done at regular intervals beside discovery. */
export const MAINTENANCE_TASKS = ['audit', 'manifests', 'measure', 'notify'] as const;

/** See {@link MAINTENANCE_TASKS}. */
export type MaintenanceTask = (typeof MAINTENANCE_TASKS)[number];

/** Payload of a maintenance job: what to do for which pipeline. */
export const maintenanceJobSchema = z.object({
  pipeline: z.string().min(1),
  task: z.enum(MAINTENANCE_TASKS),
});

/** See {@link maintenanceJobSchema}. */
export type MaintenanceJob = z.infer<typeof maintenanceJobSchema>;

/** Opens the maintenance queue; the caller closes it. */
export function openMaintenanceQueue(settings: Settings): Queue {
  return new Queue(MAINTENANCE_QUEUE, {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
}

/** Id of the scheduler that repeats one task. */
export function maintenanceId({ pipeline, task }: MaintenanceJob): string {
  return `${pipeline}-${task}`;
}

/** All maintenance of a pipeline. */
export function maintenanceOf(pipeline: string): readonly MaintenanceJob[] {
  return MAINTENANCE_TASKS.map((task) => ({ pipeline, task }));
}

/**
 * Time between two runs of a task.
 *
 * @returns ms; undefined when the settings do not ask for it
 */
export function maintenanceIntervalMs(settings: Settings, task: MaintenanceTask): number | undefined {
  switch (task) {
    case 'audit':
      return Math.round(settings['audit.interval-seconds'] * 1000);
    case 'manifests':
      return settings['manifest.enabled']
        ? Math.round(settings['manifest.interval-seconds'] * 1000)
        : undefined;
    case 'measure':
      return Math.round(settings['telemetry.measure-interval-seconds'] * 1000);
    case 'notify':
      return isNotifying(settings) ? Math.round(settings['notification.interval-seconds'] * 1000) : undefined;
  }
}

/** Whether the settings name anybody to tell of what is stuck. */
export function isNotifying(settings: Settings): boolean {
  return settings['notification.webhook-url'] !== '' || settings['notification.smtp-url'] !== '';
}

/** A task does not wait for a whole interval before its first run, in ms. */
const FIRST_RUN_MS = 10_000;

/**
 * Has a task repeated as the settings ask for, or no longer repeated: what to do when a process starts. What Redis
 * has with the same interval stays as it is, so that processes that start often put no run off.
 */
export async function setUpMaintenance(queue: Queue, settings: Settings, job: MaintenanceJob): Promise<void> {
  const wanted = maintenanceIntervalMs(settings, job.task);
  if (wanted === undefined) {
    await queue.removeJobScheduler(maintenanceId(job));
    return;
  }
  if ((await intervalInForce(queue, maintenanceId(job))) !== wanted)
    await repeat(queue, settings, job, wanted);
}

/**
 * Has a task repeated again when Redis has forgotten it, or has stopped to follow it. An interval that another process
 * has set stays, so that two processes with different settings do not put off each other's runs for ever. A queue that
 * somebody has paused follows no schedule: that is no fault of it.
 */
export async function ensureMaintenance(
  queue: Queue,
  settings: Settings,
  job: MaintenanceJob,
): Promise<void> {
  const wanted = maintenanceIntervalMs(settings, job.task);
  if (wanted === undefined || (await queue.isPaused())) return;
  if ((await intervalInForce(queue, maintenanceId(job))) !== undefined) return;
  await repeat(queue, settings, job, wanted);
}

/** Has the next run of a task come in `inMs` from now; those behind it come in their usual intervals. */
export async function bringForward(
  queue: Queue,
  settings: Settings,
  job: MaintenanceJob,
  inMs: number,
): Promise<void> {
  const wanted = maintenanceIntervalMs(settings, job.task);
  if (wanted === undefined) return;
  // With the same interval BullMQ keeps to the next run that it has. Who dies here has it set up again before long.
  await queue.removeJobScheduler(maintenanceId(job));
  await repeat(queue, settings, job, wanted, inMs);
}

async function repeat(
  queue: Queue,
  settings: Settings,
  job: MaintenanceJob,
  intervalMs: number,
  firstMs = Math.min(FIRST_RUN_MS, intervalMs),
): Promise<void> {
  await schedule(queue, settings, {
    id: maintenanceId(job),
    name: job.task,
    data: maintenanceJobSchema.parse(job),
    intervalMs,
    firstMs,
  });
}
