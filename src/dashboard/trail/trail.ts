import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Log } from '../../observability/log.js';
import type { Change } from '../api/shapes.js';
import { inTime } from '../in-time.js';

/** Changes that are kept in Redis. The log keeps as many as whoever keeps the log. */
export const KEPT_CHANGES = 1000;

/** A Redis that is silent for this long is not waited for; ms. */
const PATIENCE_MS = 2000;

const changeSchema = z.object({
  at: z.string(),
  by: z.string(),
  action: z.string(),
  about: z.string(),
  outcome: z.string(),
});

/** What a trail is kept with. */
export interface TrailOptions {
  readonly redis: Redis;
  /** Begins every key in Redis. */
  readonly keyPrefix: string;
  readonly log: Log;
}

/** Who changed what, when, and what came of it: a line in the log, and the last {@link KEPT_CHANGES} in Redis. */
export class Trail {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #log: Log;

  constructor({ redis, keyPrefix, log }: TrailOptions) {
    this.#redis = redis;
    this.#key = `${keyPrefix}:dashboard:changes`;
    this.#log = log;
  }

  /**
   * Notes a change once its outcome is known, one that failed too. Never rejects: a Redis that is away does not undo
   * what has been done, and the log has it.
   */
  async note({ by, action, about, outcome }: Omit<Change, 'at'>): Promise<void> {
    const change: Change = { at: new Date().toISOString(), by, action, about, outcome };
    this.#log.info({ event: 'change', by, action, about, outcome }, 'change');
    const kept = this.#redis
      .multi()
      .lpush(this.#key, JSON.stringify(change))
      .ltrim(this.#key, 0, KEPT_CHANGES - 1)
      .exec();
    try {
      await inTime(kept, PATIENCE_MS);
    } catch (err) {
      this.#log.warn({ err }, 'Redis has not taken a change yet; the log has it');
    }
  }

  /**
   * The last changes, newest first.
   *
   * @param limit most that are wanted, at least 1
   * @throws {NoAnswerError} when Redis does not answer in time
   */
  async last(limit: number): Promise<readonly Change[]> {
    const kept = await inTime(this.#redis.lrange(this.#key, 0, limit - 1), PATIENCE_MS);
    return kept.map((text) => changeSchema.parse(JSON.parse(text)));
  }
}
