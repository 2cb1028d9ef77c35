import type { Queue } from 'bullmq';
import type { Settings } from '../config/settings.js';

/** What a scheduler repeats, and how often. */
export interface Repetition {
  /** Id of the scheduler: one stands for each id, whatever the number of processes. */
  readonly id: string;
  /** Name of its jobs. */
  readonly name: string;
  /** Payload of its jobs. */
  readonly data: object;
  readonly intervalMs: number;
  /** Time until the first run; an interval when left out. */
  readonly firstMs?: number;
}

/** How late a scheduled job may be before its scheduler is taken for broken, in ms. */
const OVERDUE_MS = 60_000;

/** How many ended jobs of a repetition stay on the board. */
const KEPT_JOBS = 100;

/** Sets up a repetition; it replaces what was set before under the same id. */
export async function schedule(
  queue: Pick<Queue, 'upsertJobScheduler'>,
  settings: Settings,
  repetition: Repetition,
): Promise<void> {
  const { id, name, data, intervalMs, firstMs = intervalMs } = repetition;
  await queue.upsertJobScheduler(
    id,
    // Without a start date BullMQ would run the job at once, each time that the interval is changed.
    { every: intervalMs, startDate: Date.now() + firstMs },
    {
      name,
      data,
      opts: {
        attempts: 1,
        removeOnComplete: { age: settings['queue.keep-completed-seconds'], count: KEPT_JOBS },
        removeOnFail: { count: KEPT_JOBS },
      },
    },
  );
}

/**
 * The interval of a repetition that Redis has and follows, in ms; undefined when a wiped Redis has forgotten it, or
 * its next run is long overdue.
 */
export async function intervalInForce(queue: Queue, id: string): Promise<number | undefined> {
  const scheduler = await queue.getJobScheduler(id);
  if (scheduler?.next === undefined || scheduler.next <= Date.now() - OVERDUE_MS) return undefined;
  return scheduler.every;
}
