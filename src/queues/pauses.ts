import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import { discoveriesOf, scheduleDiscovery } from './discovery.js';
import type { PipelineQueue } from './pipeline-queue.js';

/** What can be held up. */
export type Pausable = 'discovery' | 'delivery';

/** What somebody holds up. */
export interface PauseNote {
  readonly what: Pausable;
  /** null: of all pipelines. */
  readonly pipeline: string | null;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What pauses are kept in. */
export interface PauseParts {
  readonly settings: Settings;
  readonly redis: Redis;
  /** The discovery queue. */
  readonly discovery: Pick<Queue, 'isPaused' | 'resume' | 'upsertJobScheduler'>;
  readonly deliveries: readonly PipelineQueue[];
}

const markSchema = z.object({ by: z.string(), at: z.string() });

type Mark = z.infer<typeof markSchema>;

/** Who has paused a queue on the board, or by other means than ours. */
const SOMEBODY = 'the board of the queues';
/** The mark of a pause that has just been made or ended may be ahead of its queue, or behind it; ms. */
const SETTLED_AFTER_MS = 10_000;
/** A discovery comes this long after it has been resumed, in ms. */
const RESUMED_DISCOVERY_MS = 200;

/**
 * Who paused a pipeline's discovery, if somebody did. Discovery is one queue for all pipelines, so a pause of it is a
 * mark in Redis that each discovery looks at; its schedule goes on.
 */
export async function discoveryPause(
  redis: Redis,
  settings: Settings,
  pipeline: string,
): Promise<Mark | undefined> {
  return markFrom(await redis.hget(keyOf(settings), fieldOf('discovery', pipeline)));
}

/**
 * Pauses and resumes discovery and delivery, for all processes. Who did so and when stands in Redis beside the pauses
 * themselves: a Redis that is wiped has forgotten both, and everything goes on.
 */
export class Pauses {
  readonly #parts: PauseParts;

  constructor(parts: PauseParts) {
    this.#parts = parts;
  }

  /** What is paused. */
  async list(): Promise<readonly PauseNote[]> {
    const { redis, settings, discovery, deliveries } = this.#parts;
    const marks = await redis.hgetall(keyOf(settings));
    const notes: PauseNote[] = [];
    if (await discovery.isPaused())
      notes.push({ what: 'discovery', pipeline: null, ...(await this.#markOf('discovery', marks)) });
    for (const { pipeline, queue } of deliveries) {
      const { name } = pipeline;
      const mark = markFrom(marks[fieldOf('discovery', name)]);
      if (mark !== undefined) notes.push({ what: 'discovery', pipeline: name, ...mark });
      const field = fieldOf('delivery', name);
      if (await queue.isPaused())
        notes.push({ what: 'delivery', pipeline: name, ...(await this.#markOf(field, marks)) });
      else await this.#forget(field, marks);
    }
    return together(notes, deliveries.length);
  }

  /** Pauses a part of one pipeline, or of all. What is under way goes on to its end. */
  async pause(what: Pausable, pipeline: string | undefined, by: string): Promise<void> {
    const { redis, settings } = this.#parts;
    const mark = JSON.stringify({ by, at: new Date().toISOString() } satisfies Mark);
    for (const on of this.#of(pipeline)) {
      await redis.hset(keyOf(settings), fieldOf(what, on.pipeline.name), mark);
      if (what === 'delivery') await on.queue.pause();
    }
  }

  /** Ends a pause, whoever began it. */
  async resume(what: Pausable, pipeline: string | undefined): Promise<void> {
    const { redis, settings, discovery } = this.#parts;
    if (what === 'discovery') await discovery.resume();
    for (const {
      pipeline: { name },
      queue,
    } of this.#of(pipeline)) {
      if (what === 'delivery') await queue.resume();
      await redis.hdel(keyOf(settings), fieldOf(what, name));
      if (what === 'delivery') continue;
      for (const job of discoveriesOf(name, settings['consumer.discovery-shards']))
        await scheduleDiscovery(discovery, settings, job, RESUMED_DISCOVERY_MS);
    }
  }

  #of(pipeline: string | undefined): readonly PipelineQueue[] {
    return this.#parts.deliveries.filter((on) => pipeline === undefined || on.pipeline.name === pipeline);
  }

  /** Who paused a queue; a pause that nobody has signed is signed by whoever sees it first. */
  async #markOf(field: string, marks: Readonly<Record<string, string>>): Promise<Mark> {
    const signed = markFrom(marks[field]);
    if (signed !== undefined) return signed;
    const { redis, settings } = this.#parts;
    const mark = { by: SOMEBODY, at: new Date().toISOString() };
    await redis.hsetnx(keyOf(settings), field, JSON.stringify(mark));
    return mark;
  }

  /** Takes away the mark of a queue that goes on: somebody has resumed it by other means. */
  async #forget(field: string, marks: Readonly<Record<string, string>>): Promise<void> {
    const mark = markFrom(marks[field]);
    if (mark === undefined || Date.now() - Date.parse(mark.at) < SETTLED_AFTER_MS) return;
    await this.#parts.redis.hdel(keyOf(this.#parts.settings), field);
  }
}

/** Pauses that were made for all pipelines together are told as one. */
function together(notes: readonly PauseNote[], pipelines: number): readonly PauseNote[] {
  const groups = new Map<string, PauseNote[]>();
  for (const note of notes) {
    const key = JSON.stringify([note.what, note.pipeline === null, note.by, note.at]);
    groups.set(key, [...(groups.get(key) ?? []), note]);
  }
  return [...groups.values()].flatMap((group) =>
    group.length === pipelines ? group.slice(0, 1).map((note) => ({ ...note, pipeline: null })) : group,
  );
}

function markFrom(text: string | null | undefined): Mark | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    return markSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function fieldOf(what: Pausable, pipeline: string): string {
  return `${what}:${pipeline}`;
}

function keyOf(settings: Settings): string {
  return `${settings['redis.key-prefix']}:pauses`;
}
