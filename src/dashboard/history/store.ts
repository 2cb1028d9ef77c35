import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { MinuteFigures } from '../../pipelines/views.js';

/** A minute, in ms. */
export const MINUTE_MS = 60_000;
/** How much is kept, in minutes: a day, and an hour more. */
export const KEPT_MINUTES = 25 * 60;

/** What is known of one minute. */
export interface KeptMinute {
  /** What the order book says; undefined when it has not been asked. */
  readonly figures?: MinuteCounts | undefined;
  /** Records that waited, as somebody saw it in this minute. */
  readonly backlog?: number | undefined;
}

/** The figures of one minute. */
export type MinuteCounts = Omit<MinuteFigures, 'at'>;

const figuresSchema = z.tuple([
  z.number(),
  z.number(),
  z.number(),
  z.number().nullable(),
  z.number().nullable(),
]);

/**
 * The history of one pipeline, minute by minute, in Redis: two hashes by the number of the minute, with what the order
 * book says and with what was seen. Writing the same twice does no harm.
 */
export class HistoryStore {
  readonly #redis: Redis;
  readonly #figuresKey: string;
  readonly #backlogKey: string;
  readonly #turnKey: string;

  constructor(redis: Redis, keyPrefix: string, pipeline: string) {
    this.#redis = redis;
    this.#figuresKey = `${keyPrefix}:history-figures:${pipeline}`;
    this.#backlogKey = `${keyPrefix}:history-backlog:${pipeline}`;
    this.#turnKey = `${keyPrefix}:history-turn:${pipeline}`;
  }

  /** Takes the turn to write, for so long: one dashboard is enough. A courtesy; two at once do no harm. */
  async takeTurn(forMs: number): Promise<boolean> {
    return (await this.#redis.set(this.#turnKey, '1', 'PX', forMs, 'NX')) !== null;
  }

  /** All that is kept from a minute on, by the number of the minute. What is older is removed. */
  async read(fromMinute: number): Promise<ReadonlyMap<number, KeptMinute>> {
    const [figures, backlog] = await Promise.all([
      this.#redis.hgetall(this.#figuresKey),
      this.#redis.hgetall(this.#backlogKey),
    ]);
    const minutes = new Map<number, KeptMinute>();
    for (const [field, text] of Object.entries(figures))
      minutes.set(Number(field), { figures: figuresFrom(text) });
    for (const [field, text] of Object.entries(backlog))
      minutes.set(Number(field), { ...minutes.get(Number(field)), backlog: Number(text) });
    const old = [...minutes.keys()].filter((minute) => minute < fromMinute);
    if (old.length > 0) {
      const fields = old.map(String);
      await this.#redis
        .multi()
        .hdel(this.#figuresKey, ...fields)
        .hdel(this.#backlogKey, ...fields)
        .exec();
      for (const minute of old) minutes.delete(minute);
    }
    return minutes;
  }

  /** Writes figures down. */
  async writeFigures(figures: ReadonlyMap<number, MinuteCounts>): Promise<void> {
    if (figures.size === 0) return;
    const fields = Object.fromEntries(
      [...figures].map(([minute, counts]) => [String(minute), textOf(counts)]),
    );
    await this.#redis
      .multi()
      .hset(this.#figuresKey, fields)
      .pexpire(this.#figuresKey, KEPT_MINUTES * MINUTE_MS)
      .exec();
  }

  /** Writes down how many records wait in a minute. */
  async writeBacklog(minute: number, records: number): Promise<void> {
    await this.#redis
      .multi()
      .hset(this.#backlogKey, String(minute), String(records))
      .pexpire(this.#backlogKey, KEPT_MINUTES * MINUTE_MS)
      .exec();
  }
}

function textOf({ records, objects, failures, lagP50Seconds, lagP99Seconds }: MinuteCounts): string {
  return JSON.stringify([records, objects, failures, lagP50Seconds, lagP99Seconds]);
}

/** What a newer version wrote in another form is asked of the order book again. */
function figuresFrom(text: string): MinuteCounts | undefined {
  try {
    const [records, objects, failures, lagP50Seconds, lagP99Seconds] = figuresSchema.parse(JSON.parse(text));
    return { records, objects, failures, lagP50Seconds, lagP99Seconds };
  } catch {
    return undefined;
  }
}
