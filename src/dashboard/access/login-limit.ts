import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { inTime } from '../in-time.js';

/** The time that attempts are counted in, in seconds. */
const WINDOW_SECONDS = 60;
/** A Redis that is silent for this long is not waited for; ms. */
const PATIENCE_MS = 500;

/** Counts wrong credentials by address, in Redis for all replicas; in memory while Redis is away. */
export class LoginLimit {
  readonly #memory: RateLimiterMemory;
  readonly #redis: RateLimiterRedis;

  /** @param points wrong credentials that an address may give in a minute */
  constructor(redis: Redis, keyPrefix: string, points: number) {
    const limits = { points, duration: WINDOW_SECONDS };
    this.#memory = new RateLimiterMemory(limits);
    this.#redis = new RateLimiterRedis({
      ...limits,
      storeClient: redis,
      keyPrefix: `${keyPrefix}:dashboard:login-attempts`,
      rejectIfRedisNotReady: true,
      insuranceLimiter: this.#memory,
    });
  }

  /**
   * Counts an attempt before it is looked at, so that many at the same time cannot slip through.
   *
   * @returns how long to wait, in seconds; 0 when the attempt may be looked at
   */
  async attempt(address: string): Promise<number> {
    try {
      await inTime(this.#redis.consume(address), PATIENCE_MS).catch((error: unknown) => {
        if (error instanceof RateLimiterRes) throw error;
        return this.#memory.consume(address);
      });
      return 0;
    } catch (error) {
      if (error instanceof RateLimiterRes) return Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      throw error;
    }
  }

  /** Takes an attempt back that turned out to be right. */
  async wasRight(address: string): Promise<void> {
    await inTime(this.#redis.reward(address), PATIENCE_MS).catch(() => this.#memory.reward(address));
  }
}
