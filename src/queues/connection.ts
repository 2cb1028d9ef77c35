import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { createIORedisClient, RedisConnection } from 'bullmq';
import { Redis } from 'ioredis';
import { percentDecoded } from '../config/percent-decoded.js';
import type { Settings } from '../config/settings.js';

/** The ioredis options that are set here. */
export interface QueueRedisOptions {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: ConnectionOptions;
  readonly maxRetriesPerRequest: null;
  readonly retryStrategy: (attempt: number) => number;
  readonly connectionName: string;
}

/**
 * Options of every Redis connection. Commands wait for a Redis that is away instead of failing, as BullMQ's
 * workers need (`maxRetriesPerRequest: null`), and a lost connection is taken up again within two seconds.
 */
export function redisOptions(settings: Settings): QueueRedisOptions {
  const url = new URL(settings['redis.url']);
  const username = percentDecoded(url.username) || settings['redis.username'];
  const password = percentDecoded(url.password) || settings['redis.password'];
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    db: databaseOf(url),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(url.protocol === 'rediss:' ? { tls: tlsOf(settings) } : {}),
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2000),
    connectionName: 'log-courier',
  };
}

/**
 * A connection that says that it has ended whenever it is told to. ioredis does not when it is told so between two
 * attempts to reconnect; BullMQ waits for it, so a process that is told to stop just after Redis went away would
 * never end.
 */
class EndingRedis extends Redis {
  override disconnect(reconnect = false): void {
    // A connection that has not been made yet is one that ioredis ends at once.
    if (this.status === 'reconnecting' && !reconnect) this.status = 'wait';
    super.disconnect(reconnect);
  }
}

RedisConnection.clientFactory = ({ url, ...options }) =>
  createIORedisClient(url === undefined ? new EndingRedis(options) : new EndingRedis(url, options));

/** How long a worker waits after a command that Redis did not take before it goes on, in ms. */
export const REDIS_RETRY_MS = 1000;

/** Opens a connection of its own; the caller closes it. */
export function connectRedis(settings: Settings): Redis {
  return new EndingRedis(redisOptions(settings));
}

function databaseOf(url: URL): number {
  const path = url.pathname.slice(1);
  return /^\d+$/.test(path) ? Number(path) : 0;
}

function tlsOf(settings: Settings): ConnectionOptions {
  const authority = settings['redis.tls-ca-file'];
  return {
    rejectUnauthorized: !settings['redis.tls-skip-verify'],
    ...(authority === '' ? {} : { ca: readFileSync(authority) }),
  };
}
