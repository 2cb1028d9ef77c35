import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Log } from '../../observability/log.js';
import { inTime } from '../in-time.js';

/** Who a session is of. A user of ours has the role that they have now, one of OpenID Connect the one that they came with. */
export type Holder =
  | { readonly kind: 'user'; readonly name: string; readonly fingerprint: string }
  | { readonly kind: 'oidc'; readonly name: string; readonly role: 'viewer' | 'operator' };

/** One session. */
export interface Session {
  readonly id: string;
  readonly holder: Holder;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

const AUDIENCE = 'log-courier dashboard';

const claims = z.object({
  jti: z.string(),
  exp: z.number(),
  holder: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('user'), name: z.string(), fingerprint: z.string() }),
    z.object({ kind: z.literal('oidc'), name: z.string(), role: z.enum(['viewer', 'operator']) }),
  ]),
});

/** What sessions are made with. */
export interface SessionsOptions {
  readonly key: Uint8Array;
  /** How long one lasts. */
  readonly seconds: number;
  readonly redis: Redis;
  /** Begins every key in Redis. */
  readonly keyPrefix: string;
  readonly log: Log;
}

/** A Redis that is silent for this long is not asked whether a session was ended; ms. */
const PATIENCE_MS = 500;

/**
 * Sessions, as signed tokens that browsers keep: the dashboard keeps none of them, so that each of its replicas knows
 * all. Only those that were ended before their time are noted, in Redis, until they would have ended anyway.
 */
export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Begins a session, and makes its token. */
  begin(holder: Holder): Promise<string> {
    const { key, seconds } = this.#options;
    return new SignJWT({ holder })
      .setProtectedHeader({ alg: 'HS256' })
      .setJti(randomUUID())
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
      .sign(key);
  }

  /** The session of a token; undefined when the token is forged, has expired or was ended. */
  async find(token: string): Promise<Session | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#options.key, {
        algorithms: ['HS256'],
        audience: AUDIENCE,
      });
      const { jti: id, exp: expiresAt, holder } = claims.parse(payload);
      return (await this.#wasEnded(id)) ? undefined : { id, holder, expiresAt };
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
      throw error;
    }
  }

  /**
   * Ends a session before its time, in every replica.
   *
   * @throws {NoAnswerError} when Redis does not take note of it in time; it may do so later
   */
  async end({ id, expiresAt }: Session): Promise<void> {
    const seconds = Math.max(1, Math.ceil(expiresAt - Date.now() / 1000));
    await inTime(this.#options.redis.set(this.#keyOf(id), '1', 'EX', seconds), PATIENCE_MS);
  }

  /** A Redis that is away lets sessions pass: the dashboard is needed most when something is away. */
  async #wasEnded(id: string): Promise<boolean> {
    const { redis, log } = this.#options;
    if (redis.status !== 'ready') return false;
    try {
      return (await inTime(redis.exists(this.#keyOf(id)), PATIENCE_MS)) === 1;
    } catch (err) {
      log.debug({ err }, 'Redis did not say whether a session was ended');
      return false;
    }
  }

  #keyOf(id: string): string {
    return `${this.#options.keyPrefix}:dashboard:ended-session:${id}`;
  }
}
