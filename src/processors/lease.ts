import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Renews the lease when it is still ours; KEYS[1] the key, ARGV[1] the holder's token, ARGV[2] ms. Answers 1 or 0. */
const RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0";
/** Gives the lease back when it is still ours; KEYS[1] the key, ARGV[1] the holder's token. */
const RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0";

/**
 * The right to be the only one that does something, for a time. It is renewed as long as it is held; when Redis
 * cannot be reached it simply runs out, and {@link Lease.remainingMs} says how much of it is certain.
 */
export class Lease {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #token: string;
  readonly #durationMs: number;
  readonly #timer: NodeJS.Timeout;
  #certainUntil: number;

  private constructor(redis: Redis, key: string, token: string, durationMs: number, certainUntil: number) {
    this.#redis = redis;
    this.#key = key;
    this.#token = token;
    this.#durationMs = durationMs;
    this.#certainUntil = certainUntil;
    this.#timer = setInterval(() => void this.#renew().catch(() => undefined), durationMs / 3);
  }

  /** Takes a lease; undefined when another one holds it. */
  static async take(redis: Redis, key: string, durationMs: number): Promise<Lease | undefined> {
    const token = randomUUID();
    // The time is read before Redis is asked: the lease is never believed to last longer than Redis keeps it.
    const askedAt = performance.now();
    const answer = await redis.set(key, token, 'PX', durationMs, 'NX');
    return answer === null ? undefined : new Lease(redis, key, token, durationMs, askedAt + durationMs);
  }

  /** Time for which nobody else can hold the lease, in ms; 0 when that is no longer certain. */
  readonly remainingMs = (): number => Math.max(0, Math.floor(this.#certainUntil - performance.now()));

  /** Gives the lease back, so that others need not wait for its end. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#redis.eval(RELEASE, 1, this.#key, this.#token);
  }

  async #renew(): Promise<void> {
    const askedAt = performance.now();
    const renewed = await this.#redis.eval(RENEW, 1, this.#key, this.#token, this.#durationMs);
    if (renewed === 1) this.#certainUntil = askedAt + this.#durationMs;
  }
}
