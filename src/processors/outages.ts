import type { Job } from 'bullmq';

/** What is known of engines that are away, by whoever watches them. */
export interface Outages {
  /**
   * Tells whether an engine was away at any time since a moment, or is now: it is asked again for that.
   *
   * @param since a reading of `performance.now()`
   */
  wasAway(engine: string, since: number): Promise<boolean>;
}

/** The engines without which no repeatable job can do anything. */
const ENGINES = ['clickhouse', 'redis'];

/**
 * How loud to say that a repeatable job failed, which is done again before long: of an engine that was away meanwhile
 * the log has spoken already.
 */
export async function levelOfFailure(
  outages: Outages | undefined,
  job: Job | undefined,
): Promise<'error' | 'debug'> {
  const ranMs = Date.now() - (job?.processedOn ?? Date.now());
  const began = performance.now() - ranMs;
  for (const engine of ENGINES) if ((await outages?.wasAway(engine, began)) === true) return 'debug';
  return 'error';
}
