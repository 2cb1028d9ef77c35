import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { shownValue } from '../../config/secrets.js';
import type { Settings } from '../../config/settings.js';
import { about, problem, type Finding } from '../../pipelines/finding.js';
import { redisOptions } from '../../queues/connection.js';
import type { Look } from './clickhouse.js';
import { readingOf } from './clock.js';
import { judgeRedis, type RedisFacts } from './judge-redis.js';

/** How long a connection may take to stand, ms. */
const CONNECT_MS = 5000;
/** How long a key that could not be removed stays, in seconds. */
const KEY_SECONDS = 10;

/** Asks Redis what it is, how it is set up and what time it is, and tries to write a key. */
export async function lookAtRedis(settings: Settings, signal: AbortSignal): Promise<Look> {
  const subject = shownValue('redis.url', settings['redis.url']);
  const redis = new Redis({
    ...redisOptions(settings),
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // Why a connection did not stand is told to listeners, not to those who wait for it.
  let why: Error | undefined;
  redis.on('error', (error: Error) => {
    why ??= error;
  });
  const stop = (): void => {
    redis.disconnect();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await redis.connect();
    const sentMs = Date.now();
    const [seconds, microseconds] = await redis.time();
    const gotMs = Date.now();
    const theirsMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return {
      findings: judgeRedis(subject, await factsOf(redis, settings)),
      clocks: [readingOf({ engine: 'redis', subject }, { sentMs, gotMs, theirsMs, roundedMs: 0 })],
    };
  } catch (error) {
    return { findings: [judgeSilence(subject, why ?? error)], clocks: [] };
  } finally {
    signal.removeEventListener('abort', stop);
    redis.disconnect();
  }
}

/** Judges why Redis did not answer as it should. */
export function judgeSilence(url: string, error: unknown): Finding {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const on = about('redis.reachable', url);
  if (/^(NOAUTH|WRONGPASS|ERR (AUTH|invalid password))/i.test(message))
    return problem(
      on,
      `it refuses the credentials: ${message}`,
      'check redis.username and redis.password, or those in redis.url',
    );
  if (message.startsWith('NOPERM'))
    return problem(
      on,
      message,
      'let the Redis user run all commands but those of administrators, on keys with redis.key-prefix',
    );
  return problem(
    on,
    `it does not answer: ${message}`,
    'check redis.url, that the server is up, and that this machine may reach it',
  );
}

async function factsOf(redis: Redis, settings: Settings): Promise<RedisFacts> {
  const info = parseInfo(await redis.info());
  const key = `${settings['redis.key-prefix']}:doctor:${randomUUID()}`;
  let refusal = '';
  try {
    await redis.set(key, 'written by log-courier doctor', 'EX', KEY_SECONDS);
    await redis.eval("return redis.call('DEL', KEYS[1])", 1, key);
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error);
  }
  const field = (name: string): string => info.get(name) ?? '';
  return {
    version: field('redis_version'),
    policy: field('maxmemory_policy'),
    maxMemory: Number(field('maxmemory')),
    usedMemory: Number(field('used_memory')),
    aof: field('aof_enabled') === '1',
    lastSaveFailed: field('rdb_last_bgsave_status') === 'err' || field('aof_last_write_status') === 'err',
    snapshots: await takesSnapshots(redis),
    replica: field('role') === 'slave',
    cluster: field('cluster_enabled') === '1',
    refusal,
  };
}

/** Whether Redis saves itself from time to time; undefined when it does not say, as managed ones do not. */
async function takesSnapshots(redis: Redis): Promise<boolean | undefined> {
  try {
    const answer: unknown = await redis.config('GET', 'save');
    return Array.isArray(answer) ? answer[1] !== '' : undefined;
  } catch {
    return undefined;
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
}
