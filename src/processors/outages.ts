import type { Job } from 'bullmq';
import type { Pipeline } from '../pipelines/pipeline.js';

/** What is known of engines that are away, by whoever watches them. */
export interface Outages {
  /**
   * Tells whether an engine was away at any time since a moment, or is now: it is asked again for that.
   *
   * @param since a reading of `performance.now()`
   */
  wasAway(engine: string, since: number): Promise<boolean>;
}

/**
 * Says what keeps a pipeline's repeatable jobs from doing anything at this moment: one of its engines is away, or it is
 * not prepared yet. Such a job is put off for a moment, and the jobs of other pipelines go on.
 *
 * @returns undefined when nothing does
 */
export type HeldUpBy = (pipeline: Pick<Pipeline, 'name' | 'needs'>) => string | undefined;

/** After how long a repeatable job that was held up is tried again, in ms. */
export const HELD_UP_MS = 2000;

/**
 * How loud to say that a repeatable job failed, which is done again before long: of an engine that was away meanwhile
 * the log has spoken already.
 *
 * @param needs the engines without which the job can do nothing, beside Redis
 */
export async function levelOfFailure(
  outages: Outages | undefined,
  needs: readonly string[],
  job: Job | undefined,
): Promise<'error' | 'debug'> {
  const ranMs = Date.now() - (job?.processedOn ?? Date.now());
  const began = performance.now() - ranMs;
  for (const engine of [...needs, 'redis'])
    if ((await outages?.wasAway(engine, began)) === true) return 'debug';
  return 'error';
}
