import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import { discoveriesOf, schedulerId, type DiscoveryJob } from './discovery.js';

/**
 * What one process has seen of a pipeline, for all of them to show. It lies in Redis, by whose clock all times here
 * are: those of the processes may differ. A wiped Redis has it no more until somebody looks again.
 */

const group = z.object({ orders: z.number(), records: z.number(), oldestAt: z.string().nullable() });

const figuresSchema = z.object({ open: group, failed: group, stuckSources: z.number() });

/** Orders of one state: how many, their records, and when the oldest of these came in, ISO 8601. */
export type OrderFigures = Readonly<z.infer<typeof group>>;

/** What the order book had when it was looked at last. */
export type BookFigures = Readonly<z.infer<typeof figuresSchema>>;

const discoveredSchema = z.object({ atMs: z.number(), waitingSince: z.string().nullable().optional() });

/** A discovery that ended well. */
export interface Discovered {
  /** When, in ms of Redis's clock. */
  readonly atMs: number;
  /** When the oldest record came in that waits and that no order has; undefined when it was not looked for. */
  readonly waitingSince?: string | null | undefined;
}

/** What is known of a pipeline. */
export interface PipelineFigures {
  /** Redis's clock, in ms. */
  readonly nowMs: number;
  /** Undefined when nobody has looked for a while. */
  readonly book: BookFigures | undefined;
  /** One for each shard; undefined for one that has not been discovered since Redis was wiped. */
  readonly discoveries: readonly (Discovered | undefined)[];
}

const bookKey = (settings: Settings, pipeline: string): string =>
  `${settings['redis.key-prefix']}:figures:${pipeline}`;
const discoveredKey = (settings: Settings, pipeline: string): string =>
  `${settings['redis.key-prefix']}:discovered-at:${pipeline}`;

/** Least time for which a look holds, in ms. */
const FRESH_FOR_MS = 120_000;

/** How long a look at the order book holds, in ms: some that are missed do not count. */
export function bookFreshMs(settings: Settings): number {
  return Math.max(FRESH_FOR_MS, settings['telemetry.measure-interval-seconds'] * 3000);
}

/** Keeps what a look at the order book has seen, until the next or until it is too old. */
export async function keepBookFigures(
  redis: Redis,
  settings: Settings,
  pipeline: string,
  figures: BookFigures,
): Promise<void> {
  await redis.set(bookKey(settings, pipeline), JSON.stringify(figures), 'PX', bookFreshMs(settings));
}

/** Keeps that a discovery has ended well. */
export async function keepDiscovered(
  redis: Redis,
  settings: Settings,
  job: DiscoveryJob,
  waitingSince: string | null | undefined,
): Promise<void> {
  const value = { atMs: await redisNow(redis), waitingSince };
  await redis.hset(discoveredKey(settings, job.pipeline), schedulerId(job), JSON.stringify(value));
}

/** When the last discovery of a pipeline ended well, of whichever shard, ISO 8601; null when none is known. */
export async function lastDiscoveryAt(
  redis: Redis,
  settings: Settings,
  pipeline: string,
): Promise<string | null> {
  const kept = await redis.hvals(discoveredKey(settings, pipeline));
  const times = kept.map((one) => parsed(discoveredSchema, one)?.atMs ?? -Infinity);
  const last = Math.max(...times);
  return Number.isFinite(last) ? new Date(last).toISOString() : null;
}

/** Reads what is known of a pipeline. */
export async function readFigures(
  redis: Redis,
  settings: Settings,
  pipeline: string,
): Promise<PipelineFigures> {
  const ids = discoveriesOf(pipeline, settings['consumer.discovery-shards']).map(schedulerId);
  const [nowMs, book, discovered] = await Promise.all([
    redisNow(redis),
    redis.get(bookKey(settings, pipeline)),
    redis.hmget(discoveredKey(settings, pipeline), ...ids),
  ]);
  return {
    nowMs,
    book: book === null ? undefined : parsed(figuresSchema, book),
    discoveries: discovered.map((one) => (one === null ? undefined : parsed(discoveredSchema, one))),
  };
}

/** Redis's clock, in ms. */
async function redisNow(redis: Redis): Promise<number> {
  // Redis answers with texts, whatever the types of its client say.
  const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
  return seconds * 1000 + Math.floor(microseconds / 1000);
}

/** What another version has written in another form counts as nothing. */
function parsed<Value>(schema: z.ZodType<Value>, text: string): Value | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
