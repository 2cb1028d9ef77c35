import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startRedis } from '../../src/embedded/redis.js';
import { Lease } from '../../src/processors/lease.js';
import { connectRedis } from '../../src/queues/connection.js';

/** So long that no test sees its end. */
const LONG_MS = 600_000;

let dir: string;
let engine: Engine;
let settings: Settings;
let keys = 0;
const connections: Redis[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-lease-'));
  engine = await startRedis({ dir });
  ({ settings } = loadSettings({ flags: { 'redis.url': engine.url }, environment: {} }));
});

afterEach(() => {
  for (const connection of connections.splice(0)) connection.disconnect();
});

afterAll(async () => {
  await engine.stop();
  await rm(dir, { recursive: true });
});

function connect(): Redis {
  const connection = connectRedis(settings);
  connection.on('error', () => undefined);
  connections.push(connection);
  return connection;
}

function newKey(): string {
  keys += 1;
  return `lease-${String(keys)}`;
}

async function take(redis: Redis, key: string, durationMs = LONG_MS): Promise<Lease> {
  const lease = await Lease.take(redis, key, durationMs);
  if (lease === undefined) throw new Error('the lease is taken');
  return lease;
}

/** Tries again and again until the lease is free. */
async function takeWhenFree(redis: Redis, key: string): Promise<Lease> {
  for (;;) {
    const lease = await Lease.take(redis, key, LONG_MS);
    if (lease !== undefined) return lease;
    await sleep(10);
  }
}

test('of many who want a lease at the same time one gets it', async () => {
  const key = newKey();
  const takers = Array.from({ length: 10 }, () => connect());
  const leases = await Promise.all(takers.map((redis) => Lease.take(redis, key, LONG_MS)));
  const taken = leases.filter((lease) => lease !== undefined);
  expect(taken).toHaveLength(1);
  await taken[0]?.release();
});

test('a lease that was given back is free at once', async () => {
  const [redis, key] = [connect(), newKey()];
  const first = await take(redis, key);
  expect(await Lease.take(redis, key, LONG_MS)).toBeUndefined();
  await first.release();
  await (await take(redis, key)).release();
});

test('leases on different keys do not know each other', async () => {
  const redis = connect();
  const leases = [await take(redis, newKey()), await take(redis, newKey())];
  for (const lease of leases) await lease.release();
});

test('a lease is renewed as long as it is held', async () => {
  const [redis, observer, key] = [connect(), connect(), newKey()];
  const lease = await take(redis, key, 3000);
  const monitor = await observer.monitor();
  connections.push(monitor);
  const renewed = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, words: string[]) => {
      if (words[0] === 'pexpire' && words[1] === key) resolve();
    });
  });
  await renewed;
  expect(await Lease.take(observer, key, LONG_MS)).toBeUndefined();
  expect(lease.remainingMs()).toBeGreaterThan(0);
  await lease.release();
});

test('the lease of a holder that is gone goes to another one, and not before the holder has stopped to rely on it', async () => {
  const [holder, successor, key] = [connect(), connect(), newKey()];
  const lost = await take(holder, key, 500);
  const closed = once(holder, 'end');
  holder.disconnect();
  await closed;
  const lease = await takeWhenFree(successor, key);
  expect(lost.remainingMs()).toBe(0);
  expect(lease.remainingMs()).toBeGreaterThan(0);
  lost.release().catch(() => undefined);
  await lease.release();
});

test('a holder gives back no lease but its own', async () => {
  const [redis, key] = [connect(), newKey()];
  const lost = await take(redis, key);
  await redis.del(key);
  const lease = await take(redis, key);
  await lost.release();
  expect(await Lease.take(redis, key, LONG_MS)).toBeUndefined();
  await lease.release();
});

test('nothing is certain any more, in the end, when Redis is gone', async () => {
  const own = await startRedis({ dir: join(dir, 'gone') });
  const there = loadSettings({ flags: { 'redis.url': own.url }, environment: {} }).settings;
  const redis = connectRedis(there);
  redis.on('error', () => undefined);
  connections.push(redis);
  const lease = await take(redis, newKey(), 1000);
  expect(lease.remainingMs()).toBeLessThanOrEqual(1000);
  await own.kill();
  let before = lease.remainingMs();
  while (before > 0) {
    await sleep(20);
    const now = lease.remainingMs();
    expect(now).toBeLessThanOrEqual(before);
    before = now;
  }
  expect(lease.remainingMs()).toBe(0);
  lease.release().catch(() => undefined);
});
