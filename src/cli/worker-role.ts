import type { Worker } from 'bullmq';
import type { Log } from '../observability/log.js';
import type { EngineWatch } from './engine-watch.js';
import type { Running } from './roles.js';

/** Workers that play a role together. */
export interface WorkerRole {
  readonly workers: readonly Worker[];
  /** For each of the pipelines that the workers serve: the engines without which they need not take its jobs. */
  readonly needs: readonly (readonly string[])[];
  /** Resolves when nothing is under way that would be a loss to leave; at once when left out. */
  readonly idle?: () => Promise<void>;
  /** Without one the workers never pause, and do not end before Redis is back. */
  readonly watch?: EngineWatch | undefined;
  readonly log: Log;
}

/**
 * Has workers take no jobs while none of their pipelines has all engines that it needs, and go on when one has. Jobs
 * that are active then go on, and fail or are handed back by themselves.
 */
export function runWorkers(role: WorkerRole): Running {
  const { workers, watch } = role;
  const look = (): void => {
    for (const worker of workers) pauseOrResume(worker, role);
  };
  watch?.on('asked', look);
  return {
    drain: async () => {
      watch?.off('asked', look);
      const closed = Promise.all(workers.map((worker) => worker.close()));
      await (watch === undefined ? closed : Promise.race([closed, leftWithoutRedis(watch, role)]));
    },
    handBack: () => {
      for (const worker of workers) worker.cancelAllJobs('the process stops');
    },
  };
}

function pauseOrResume(worker: Worker, { needs, watch, log }: WorkerRole): void {
  const wanting = isWanting(needs, watch);
  const isGoing = worker.isRunning() && !worker.isPaused();
  if (worker.closing !== undefined || wanting !== isGoing) return;
  const change = wanting ? worker.pause(true) : worker.resume();
  change.catch((err: unknown) => {
    log.debug({ err, queue: worker.name }, 'a worker could not be paused or resumed');
  });
}

/** Tells whether every one of some pipelines lacks an engine that it needs. */
export function isWanting(
  needs: readonly (readonly string[])[],
  watch: Pick<EngineWatch, 'isLost'> | undefined,
): boolean {
  if (watch === undefined || needs.length === 0) return false;
  return needs.every((engines) => engines.some((engine) => watch.isLost(engine)));
}

/**
 * A worker closes only after Redis has taken what became of its jobs, however long that takes. When Redis is away
 * they are left: their locks run out, and others take them up again.
 */
async function leftWithoutRedis(watch: EngineWatch, { idle, log }: WorkerRole): Promise<void> {
  await watch.whenAway('redis');
  await idle?.();
  log.debug('Redis is away: what it has not been told of is taken up again when the locks run out');
}
