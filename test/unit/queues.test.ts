import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hideSecrets } from '../../src/config/secrets.js';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import { redisOptions } from '../../src/queues/connection.js';
import { backoffMs, deliveryJobOptions, jobIdOf, priorityOf } from '../../src/queues/delivery.js';
import {
  discoveriesOf,
  discoveryIntervalMs,
  discoveryJobSchema,
  schedulerId,
} from '../../src/queues/discovery.js';

const MIDDLE = 0.5;
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function settingsWith(flags: Readonly<Record<string, string>> = {}): Settings {
  return loadSettings({ flags, environment: {} }).settings;
}

describe('the wait before a retry', () => {
  test.each([
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [6, 32_000],
    [7, 60_000],
    [1000, 60_000],
  ])('after attempt %i is %i ms, without its random part', (attempts, expected) => {
    expect(backoffMs(settingsWith(), attempts, MIDDLE)).toBe(expected);
  });

  test('is off by at most the jitter factor, up or down, and at most that much above the longest wait', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1001 }),
        chance,
        fc.constantFrom('0', '0.3', '1'),
        fc.constantFrom('0', '0.5', '3600'),
        (attempts, random, jitter, initial) => {
          const settings = settingsWith({
            'retry.backoff-jitter-factor': jitter,
            'retry.initial-backoff-seconds': initial,
          });
          const plain = backoffMs(settings, attempts, MIDDLE);
          const wait = backoffMs(settings, attempts, random);
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(plain).toBeLessThanOrEqual(60_000);
          expect(Math.abs(wait - plain)).toBeLessThanOrEqual(plain * Number(jitter) + 1);
        },
      ),
    );
  });
});

describe('the interval of discovery', () => {
  test.each([
    [true, 30_000],
    [false, 120_000],
  ])('is, with work found %s, %i ms', (found, expected) => {
    expect(discoveryIntervalMs(settingsWith(), found, MIDDLE)).toBe(expected);
  });

  test('stays within the jitter factor of the setting, and never becomes a busy loop', () => {
    fc.assert(
      fc.property(
        chance,
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (random, found, jitter) => {
          const settings = settingsWith({
            'consumer.min-discovery-interval-seconds': '0.1',
            'consumer.max-discovery-interval-seconds': '50',
            'consumer.discovery-interval-jitter-factor': jitter.toFixed(6),
          });
          const plain = found ? 100 : 50_000;
          const interval = discoveryIntervalMs(settings, found, random);
          expect(interval).toBeGreaterThanOrEqual(100);
          expect(Math.abs(interval - plain)).toBeLessThanOrEqual(plain * jitter + 1);
        },
      ),
    );
  });
});

describe('the priority of an order', () => {
  const time = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('2100-01-01T00:00:00Z'),
    noInvalidDate: true,
  });

  test('is one that BullMQ takes, whatever the age and the rank', () => {
    fc.assert(
      fc.property(time, fc.nat(), (oldest, rank) => {
        const priority = priorityOf(oldest.getTime(), rank);
        expect(Number.isInteger(priority)).toBe(true);
        expect(priority).toBeGreaterThanOrEqual(1);
        expect(priority).toBeLessThanOrEqual(2_097_151);
      }),
    );
  });

  test('is never after that of a younger order, nor of a later one of its source', () => {
    fc.assert(
      fc.property(time, fc.nat(86_400_000), fc.nat(1000), fc.nat(1000), (oldest, later, rank, further) => {
        const first = priorityOf(oldest.getTime(), rank);
        expect(first).toBeLessThanOrEqual(priorityOf(oldest.getTime() + later, rank));
        expect(first).toBeLessThanOrEqual(priorityOf(oldest.getTime(), rank + further));
      }),
    );
  });

  test('lets a bucket’s twentieth order wait for a first one that is an hour younger', () => {
    const flood = Date.parse('2026-05-01T10:00:00Z');
    const small = Date.parse('2026-05-01T11:00:00Z');
    expect(priorityOf(flood, 0)).toBeLessThan(priorityOf(small, 0));
    expect(priorityOf(small, 0)).toBeLessThan(priorityOf(flood, 19));
  });
});

describe('a delivery job', () => {
  test('has an id that BullMQ takes: no colon, no whole number', () => {
    const hex = fc.string({
      unit: fc.constantFrom(...Array.from('0123456789abcdef')),
      minLength: 16,
      maxLength: 16,
    });
    fc.assert(
      fc.property(fc.oneof(hex, fc.constant('1234567890123456')), (id) => {
        expect(jobIdOf({ id })).toMatch(/^order-[0-9a-f]{16}$/);
      }),
    );
  });

  test('is tried once more than there are retries, and is kept for as long as the order book when it failed', () => {
    const order = {
      id: '0123456789abcdef',
      source: 'photos',
      records: 1,
      oldestAt: '2026-05-01T10:00:00Z',
    };
    const options = deliveryJobOptions(settingsWith({ 'retry.max-retries': '2' }), order, 0);
    expect(options).toMatchObject({ attempts: 3, jobId: 'order-0123456789abcdef' });
    expect(options.removeOnComplete).toEqual({ age: 86_400, count: 5000 });
    expect(options.removeOnFail).toEqual({ age: 30 * 86_400 });
  });
});

describe('the schedulers of discovery', () => {
  test('have one id each, whatever the number of shards', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (shards, others) => {
        const jobs = [
          ...discoveriesOf('access-logs', shards),
          ...(others === shards ? [] : discoveriesOf('access-logs', others)),
        ];
        expect(new Set(jobs.map(schedulerId)).size).toBe(jobs.length);
        for (const job of jobs) expect(discoveryJobSchema.safeParse(job).success).toBe(true);
      }),
    );
  });

  test('have ids that say what they repeat', () => {
    expect(discoveriesOf('access-logs', 2).map(schedulerId)).toEqual([
      'access-logs-0-of-2',
      'access-logs-1-of-2',
    ]);
  });
});

describe('the connection to Redis', () => {
  const folder = mkdtempSync(join(tmpdir(), 'redis-options-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['redis://queue', { host: 'queue', port: 6379, db: 0 }],
    ['redis://queue:7000/3', { host: 'queue', port: 7000, db: 3 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000, db: 0 }],
    ['redis://courier:secret@queue', { username: 'courier', password: 'secret' }],
    ['redis://:secret@queue', { password: 'secret' }],
    ['redis://:p%40ss%3Aw%2F%25@queue', { password: 'p@ss:w/%' }],
    ['redis://us%20er:x@queue', { username: 'us er', password: 'x' }],
    ['redis://:50%off@queue', { password: '50%off' }],
    ['redis://:100%25%off@queue', { password: '100%25%off' }],
    ['redis://%zz:x@queue', { username: '%zz', password: 'x' }],
  ])('of %s goes where the URL says', (url, expected) => {
    expect(redisOptions(settingsWith({ 'redis.url': url }))).toMatchObject(expected);
  });

  test('takes any password that is percent-encoded as it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (password) => {
        const url = `redis://:${encodeURIComponent(password)}@queue`;
        expect(redisOptions(settingsWith({ 'redis.url': url })).password).toBe(password);
      }),
    );
  });

  test('takes user and password of the settings when the URL has none, and the URL’s when it has', () => {
    const settings = { 'redis.username': 'courier', 'redis.password': 'secret' };
    expect(redisOptions(settingsWith(settings))).toMatchObject({ username: 'courier', password: 'secret' });
    const both = { ...settings, 'redis.url': 'redis://other:another@queue' };
    expect(redisOptions(settingsWith(both))).toMatchObject({ username: 'other', password: 'another' });
    expect(redisOptions(settingsWith())).not.toHaveProperty('password');
    expect(redisOptions(settingsWith())).not.toHaveProperty('username');
  });

  test('never shows a password that is not percent-encoded well', () => {
    const settings = settingsWith({ 'redis.url': 'redis://:50%off@queue' });
    expect(hideSecrets('WRONGPASS 50%off', settings)).toBe('WRONGPASS (hidden)');
  });

  test('is encrypted with rediss:// alone, with the authority of the settings, and checks certificates', () => {
    const authority = join(folder, 'authority.pem');
    writeFileSync(authority, 'a certificate');
    expect(redisOptions(settingsWith())).not.toHaveProperty('tls');
    const url = { 'redis.url': 'rediss://queue' };
    expect(redisOptions(settingsWith(url)).tls).toEqual({ rejectUnauthorized: true });
    const open = { ...url, 'redis.tls-skip-verify': 'true', 'redis.tls-ca-file': authority };
    expect(redisOptions(settingsWith(open)).tls).toEqual({
      rejectUnauthorized: false,
      ca: Buffer.from('a certificate'),
    });
  });

  test('waits for a Redis that is away, and looks again within two seconds', () => {
    const { maxRetriesPerRequest, retryStrategy } = redisOptions(settingsWith());
    expect(maxRetriesPerRequest).toBeNull();
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (attempt) => {
        expect(retryStrategy(attempt)).toBeGreaterThan(0);
        expect(retryStrategy(attempt)).toBeLessThanOrEqual(2000);
      }),
    );
  });
});
