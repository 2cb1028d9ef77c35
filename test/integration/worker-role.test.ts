import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Queue, Worker, type Job } from 'bullmq';
import { EngineWatch } from '../../src/cli/engine-watch.js';
import { runWorkers } from '../../src/cli/worker-role.js';
import { loadSettings } from '../../src/config/load.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startRedis } from '../../src/embedded/redis.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { redisOptions } from '../../src/queues/connection.js';

const REFUSED = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });

let dir: string;
let redis: Engine;
let queue: Queue;
let worker: Worker;
let watch: EngineWatch;
/** Names of the jobs that were taken, in order. */
let taken: string[];
/** Ends the job called `long`. */
let endLong: () => void;
let s3IsAway: boolean;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-worker-role-'));
  redis = await startRedis({ dir });
});

afterAll(async () => {
  await redis.stop();
  await rm(dir, { recursive: true });
});

beforeEach(() => {
  const { settings } = loadSettings({ flags: {}, environment: { LOG_COURIER_REDIS_URL: redis.url } });
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
    runWorkers({ workers: [worker], needs: ['s3'], watch, log: silentLog() });
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
    runWorkers({ workers: [worker], needs: ['s3'], watch, log: silentLog() });
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
    runWorkers({ workers: [worker], needs: ['clickhouse'], watch, log: silentLog() });
    s3IsAway = true;
    await once(watch, 'away');
    const oneEnded = completed('one');
    await queue.add('one', {});
    await oneEnded;
    expect(worker.isPaused()).toBe(false);
  });

  test('end in order', async () => {
    const running = runWorkers({ workers: [worker], needs: ['s3'], watch, log: silentLog() });
    await worker.waitUntilReady();
    s3IsAway = true;
    await once(worker, 'paused');
    await running.drain();
    expect(worker.isRunning()).toBe(false);
  });
});
