import { isIPv6 } from 'node:net';
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
    const key = countedAs(address);
    try {
      await inTime(this.#redis.consume(key), PATIENCE_MS).catch((error: unknown) => {
        if (error instanceof RateLimiterRes) throw error;
        return this.#memory.consume(key);
      });
      return 0;
    } catch (error) {
      if (error instanceof RateLimiterRes) return Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      throw error;
    }
  }

  /** Takes an attempt back that turned out to be right. */
  async wasRight(address: string): Promise<void> {
    const key = countedAs(address);
    await inTime(this.#redis.reward(key), PATIENCE_MS).catch(() => this.#memory.reward(key));
  }
}

/** Whoever has an IPv6 address has 2⁶⁴ of them: they count as one. */
export function countedAs(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  if (!isIPv6(address)) return address;
  const [left = '', right] = address.split('%', 1).join('').split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [groups(left), groups(right ?? '')];
  const zeros = right === undefined ? [] : Array<string>(8 - first.length - last.length).fill('0');
  const network = [...first, ...zeros, ...last].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
