import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Settings } from '../../config/settings.js';
import type { Told } from './news.js';

const toldSchema = z.object({ since: z.string(), at: z.string(), orders: z.array(z.string()) });

/** What was told is remembered for this long after the last look, in seconds. */
const REMEMBERED_SECONDS = 30 * 86_400;
/** Fields that one command sets or removes: keeps Redis answering others in between. */
const FIELDS_A_COMMAND = 1000;

/**
 * What one channel was told of one pipeline. It lies in Redis, so that processes do not repeat each other, nor a
 * process that starts again; a wiped Redis has it told once more.
 */
export class ToldInRedis {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #restKey: string;

  constructor(redis: Redis, settings: Settings, channel: string, pipeline: string) {
    this.#redis = redis;
    const prefix = `${settings['redis.key-prefix']}:told`;
    this.#key = `${prefix}:${channel}:${pipeline}`;
    this.#restKey = `${prefix}-lately:${channel}:${pipeline}`;
  }

  /** Whether something was told so lately that the next message has to wait. */
  async isResting(): Promise<boolean> {
    return (await this.#redis.exists(this.#restKey)) === 1;
  }

  /** What was told, by source. What another version has written in another form counts as not told. */
  async read(): Promise<ReadonlyMap<string, Told>> {
    const told = new Map<string, Told>();
    for (const [source, text] of Object.entries(await this.#redis.hgetall(this.#key))) {
      const parsed = toldSchema.safeParse(parsedJson(text));
      if (parsed.success) told.set(source, parsed.data);
    }
    return told;
  }

  /** Replaces what was told; it writes what is different. */
  async write(before: ReadonlyMap<string, Told>, now: ReadonlyMap<string, Told>): Promise<void> {
    const gone = [...before.keys()].filter((source) => !now.has(source));
    const changed = [...now].flatMap(([source, told]) => {
      const text = JSON.stringify(told);
      return JSON.stringify(before.get(source)) === text ? [] : [[source, text] as const];
    });
    for (const some of inPieces(gone)) await this.#redis.hdel(this.#key, ...some);
    for (const some of inPieces(changed)) await this.#redis.hset(this.#key, Object.fromEntries(some));
    await this.#redis.expire(this.#key, REMEMBERED_SECONDS);
  }

  /** Has the next message wait. */
  async rest(ms: number): Promise<void> {
    if (ms > 0) await this.#redis.set(this.#restKey, '1', 'PX', Math.ceil(ms));
  }
}

function* inPieces<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += FIELDS_A_COMMAND)
    yield items.slice(from, from + FIELDS_A_COMMAND);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
