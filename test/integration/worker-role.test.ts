import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Queue, Worker, type Job } from 'bullmq';
import { EngineWatch } from '../../src/cli/engine-watch.js';
import { runWorkers } from '../../src/cli/worker-role.js';
import { loadSettings } from '../../src/config/load.js';
import { startRedis } from '../../src/embedded/redis.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { redisOptions } from '../../src/queues/connection.js';
import { useEngines } from '../support/test-engines.js';

const REFUSED = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });

const redis = useEngines('worker-role', startRedis);
let queue: Queue;
let worker: Worker;
let watch: EngineWatch;
/** Names of the jobs that were taken, in order. */
let taken: string[];
/** Ends the job called `long`. */
let endLong: () => void;
let s3IsAway: boolean;

beforeEach(() => {
  const { settings } = loadSettings({ flags: {}, environment: { LOG_COURIER_REDIS_URL: redis().url } });
  const connection = redisOptions(settings);
  queue = new Queue('work', { connection });
  taken = [];
  s3IsAway = false;
  const long = new Promise<void>((resolve) => (endLong = resolve));
  worker = new Worker(
    'work',
    async (job: Job) => {
      taken.push(job.name);
      if (job.name === 'long') await long;
    },
    { connection, concurrency: 2 },
  );
  const check = { engine: 's3', check: () => (s3IsAway ? Promise.reject(REFUSED) : Promise.resolve()) };
  watch = new EngineWatch({
    checks: [check],
    metrics: createMetrics(),
    log: silentLog(),
    intervalMs: 10,
    intervalAwayMs: 10,
  });
});

afterEach(async () => {
  endLong();
  watch.stop();
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
});

function completed(name: string): Promise<void> {
  return new Promise((resolve) => {
    worker.on('completed', (job) => {
      if (job.name === name) resolve();
    });
  });
}

describe('workers whose engine is away', () => {
  test('take no jobs, let those go on that are active, and go on when it is back', async () => {
    runWorkers({ workers: [worker], needs: [['s3']], watch, log: silentLog() });
    await Promise.all([once(worker, 'active'), queue.add('long', {})]);
    const longEnded = completed('long');
    s3IsAway = true;
    await once(worker, 'paused');
    endLong();
    await longEnded;
    // A worker that waits for a job when it is paused may still take one.
    await Promise.all(['one', 'two', 'three', 'four'].map((name) => queue.add(name, {})));
    expect(worker.isPaused()).toBe(true);
    expect(await queue.getJobCountByTypes('waiting')).toBeGreaterThanOrEqual(3);
    const fourEnded = completed('four');
    s3IsAway = false;
    await fourEnded;
    expect([...taken].sort()).toEqual(['four', 'long', 'one', 'three', 'two']);
  });

  test('go on although jobs that were active before have not ended', async () => {
    runWorkers({ workers: [worker], needs: [['s3']], watch, log: silentLog() });
    await Promise.all([once(worker, 'active'), queue.add('long', {})]);
    s3IsAway = true;
    await once(worker, 'paused');
    const oneEnded = completed('one');
    await queue.add('one', {});
    s3IsAway = false;
    await oneEnded;
    expect(taken).toEqual(['long', 'one']);
  });

  test('take jobs when it is another engine that they do not need', async () => {
    runWorkers({ workers: [worker], needs: [['clickhouse']], watch, log: silentLog() });
    s3IsAway = true;
    await once(watch, 'away');
    const oneEnded = completed('one');
    await queue.add('one', {});
    await oneEnded;
    expect(worker.isPaused()).toBe(false);
  });

  test('end in order', async () => {
    const running = runWorkers({ workers: [worker], needs: [['s3']], watch, log: silentLog() });
    await worker.waitUntilReady();
    s3IsAway = true;
    await once(worker, 'paused');
    await running.drain();
    expect(worker.isRunning()).toBe(false);
  });

  test('end although Redis went away a moment ago, and no connection has been made anew', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'log-courier-worker-ends-'));
    const own = await startRedis({ dir });
    const { settings } = loadSettings({ flags: {}, environment: { LOG_COURIER_REDIS_URL: own.url } });
    const lonely = new Worker('work', () => Promise.resolve(), { connection: redisOptions(settings) });
    lonely.on('error', () => undefined);
    await lonely.waitUntilReady();
    await own.stop();
    // Refused several times, a connection waits for some hundred milliseconds before it is tried again.
    for (let refused = 0; refused < 8; refused += 1) await once(lonely, 'error');
    await new Promise<void>((resolve) => lonely.once('ioredis:close', resolve));
    const closed = new Promise<string>((resolve) => {
      lonely.once('closed', () => {
        resolve('closed');
      });
    });
    await runWorkers({ workers: [lonely], needs: [], log: silentLog() }).drain();
    expect(await closed).toBe('closed');
    await rm(dir, { recursive: true });
  });
});
