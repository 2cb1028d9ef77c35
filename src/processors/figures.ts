import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { readFigures, type PipelineFigures } from '../queues/figures.js';
import { discoveryPause } from '../queues/pauses.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';

/** What showing the figures of all pipelines works with. */
export interface FiguresParts {
  readonly settings: Settings;
  readonly redis: Redis;
  readonly discovery: Pick<Queue, 'isPaused'>;
  readonly deliveries: readonly PipelineQueue[];
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Time between two looks into Redis, in ms: shorter than any usual scrape. */
const LOOK_EVERY_MS = 5000;
/** How long a look holds, in ms; a few that Redis does not answer do not count. */
const FRESH_FOR_MS = 60_000;

/** Takes what is known of every pipeline into this process's metrics, once. */
export async function showFigures(parts: FiguresParts): Promise<void> {
  const { settings, redis, deliveries, metrics } = parts;
  for (const { pipeline, queue } of deliveries) {
    const [figures, isDiscoveryPaused, isDeliveryPaused] = await Promise.all([
      readFigures(redis, settings, pipeline.name),
      isDiscoveryHeld(parts, pipeline.name),
      queue.isPaused(),
    ]);
    show(metrics, pipeline.name, figures);
    const pauses = { discovery: isDiscoveryPaused, delivery: isDeliveryPaused };
    for (const [what, isPaused] of Object.entries(pauses))
      metrics.paused.set(pipeline.name, isPaused ? 1 : 0, FRESH_FOR_MS, { what });
  }
}

/** Of one pipeline, or by a pause of the queue that all have in common. */
async function isDiscoveryHeld(
  { settings, redis, discovery }: FiguresParts,
  pipeline: string,
): Promise<boolean> {
  return (await discoveryPause(redis, settings, pipeline)) !== undefined || (await discovery.isPaused());
}

/**
 * Does {@link showFigures} again and again.
 *
 * @returns ends it
 */
export function followFigures(parts: FiguresParts): () => void {
  let isLooking = false;
  const look = (): void => {
    // A Redis that is away answers when it is back, and need not be asked for the same again and again.
    if (isLooking) return;
    isLooking = true;
    showFigures(parts)
      .catch((err: unknown) => {
        parts.log.debug({ err }, 'the figures of the pipelines could not be read');
      })
      .finally(() => {
        isLooking = false;
      });
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

function show(metrics: Metrics, pipeline: string, { nowMs, book, discoveries }: PipelineFigures): void {
  const ageOf = (iso: string | null): number =>
    iso === null ? 0 : Math.max(0, (nowMs - Date.parse(iso)) / 1000);
  for (const state of ['open', 'failed'] as const) {
    const group = book?.[state];
    metrics.orders.set(pipeline, group?.orders, FRESH_FOR_MS, { state });
    metrics.undeliveredRecords.set(pipeline, group?.records, FRESH_FOR_MS, { state });
    const age = group === undefined ? undefined : ageOf(group.oldestAt);
    metrics.oldestUndeliveredAge.set(pipeline, age, FRESH_FOR_MS, { state });
  }
  metrics.stuckSources.set(pipeline, book?.stuckSources, FRESH_FOR_MS);
  const known = discoveries.flatMap((one) => (one === undefined ? [] : [one]));
  const looked = known.flatMap(({ waitingSince }) => (waitingSince === undefined ? [] : [waitingSince]));
  metrics.oldestUndeliveredAge.set(pipeline, most(looked.map(ageOf)), FRESH_FOR_MS, { state: 'not_ordered' });
  const sinceMs = known.map(({ atMs }) => Math.max(0, nowMs - atMs));
  const age = most(sinceMs);
  metrics.discoveryAge.set(pipeline, age === undefined ? undefined : age / 1000, FRESH_FOR_MS);
}

/** The largest of some numbers; undefined when there are none. */
function most(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}
