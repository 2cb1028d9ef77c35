import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { UnrecoverableError, Worker, type Job, type Queue, type QueueEvents } from 'bullmq';
import { openQueues, type Queues } from '../../src/cli/assembly.js';
import { startProcessors, type Running } from '../../src/cli/roles.js';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { runDiscovery, startDiscoveryWorker } from '../../src/processors/discovery.js';
import { UnknownPipelineError } from '../../src/processors/pipeline-queue.js';
import { Lease } from '../../src/processors/lease.js';
import { redisOptions } from '../../src/queues/connection.js';
import { DISCOVER, schedulerId } from '../../src/queues/discovery.js';
import { everythingDelivered, type Deployment } from '../support/deployment.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { openWorkbench, WHOLE, type Workbench } from '../support/workbench.js';

const ID = schedulerId(WHOLE);

let dir: string;
let engines: Engines;
let tests = 0;
let bench: Workbench;
let here: Deployment;
let queues: Queues;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-discovery-'));
  engines = await startEngines({ dir });
});

afterAll(async () => {
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  bench = await openWorkbench(engines, `discovery_${String(tests)}`, {
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '3600',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '7200',
    LOG_COURIER_CONSUMER_DISCOVERY_INTERVAL_JITTER_FACTOR: '0',
  });
  ({ here, queues } = bench);
});

afterEach(async () => {
  await bench.close();
});

async function records(...buckets: string[]): Promise<void> {
  for (const bucket of buckets) await here.addRecords({ bucket, target: 'targets', count: 5 });
}

/** The events of a queue, until the test ends. */
async function eventsOf(queue: Queue): Promise<QueueEvents> {
  const events = await openQueueEvents(here.settings, queue.name);
  bench.atEnd(() => events.close());
  return events;
}

function onCompleted(events: QueueEvents): Promise<unknown> {
  return new Promise((resolve) =>
    events.once('completed', ({ returnvalue }) => {
      resolve(returnvalue);
    }),
  );
}

describe('of several processes with discovery', () => {
  test('one at a time discovers; the others skip their turn', async () => {
    await records('photos');
    const prefix = here.settings['redis.key-prefix'];
    const lease = await Lease.take(queues.redis, `${prefix}:discovering:${ID}`, 60_000);
    const events = await eventsOf(queues.discovery);
    closeAtEnd(startDiscoveryWorker(bench.parts));
    const skipped = onCompleted(events);
    await queues.discovery.add(DISCOVER, WHOLE);
    expect(await skipped).toEqual({ skipped: 'another process is at it' });
    expect(await bench.inBook()).toEqual([]);
    await lease?.release();
    const found = onCompleted(events);
    await queues.discovery.add(DISCOVER, WHOLE);
    expect(await found).toMatchObject({ orders: 1, records: 5 });
  });

  test('no two order the same records', async () => {
    await records('photos', 'music', 'films');
    const others = [openQueues(here.store), openQueues(here.store)];
    for (const other of others) bench.atEnd(() => other.close());
    const outcomes = await Promise.all(
      [queues, ...others].map(({ redis }) =>
        runDiscovery({ ...bench.parts, redis }, WHOLE, new AbortController().signal),
      ),
    );
    expect(outcomes.reduce((sum, outcome) => sum + (outcome?.orders ?? 0), 0)).toBe(3);
    expect(await bench.inBook()).toHaveLength(3);
    expect(await bench.inQueue()).toEqual(await bench.inBook());
  });
});

describe('a discovery', () => {
  test('writes new orders into the book and the queue, which then agree', async () => {
    await records('photos', 'music', 'films');
    expect(await bench.discover()).toEqual({
      orders: 3,
      records: 15,
      restored: 0,
      redriven: 0,
      saturated: false,
    });
    expect(await bench.inBook()).toHaveLength(3);
    expect(await bench.inQueue()).toEqual(await bench.inBook());
  });

  test('finds nothing a second time', async () => {
    await records('photos');
    await bench.discover();
    expect(await bench.discover()).toEqual({
      orders: 0,
      records: 0,
      restored: 0,
      redriven: 0,
      saturated: false,
    });
    expect(await bench.inQueue()).toHaveLength(1);
  });

  test('of a pipeline that is not known fails and names it', async () => {
    const unknown = runDiscovery(
      bench.parts,
      { ...WHOLE, pipeline: 'reports' },
      new AbortController().signal,
    );
    await expect(unknown).rejects.toThrow(UnknownPipelineError);
    await expect(unknown).rejects.toThrow('"reports"');
  });

  test('gives the right to discover back when it fails', async () => {
    const gone = AbortSignal.abort(new Error('told to stop'));
    await expect(bench.discover(gone)).rejects.toThrow();
    expect(await bench.discover()).toMatchObject({ orders: 0 });
  });

  test('refuses a payload that is none, and the next one runs', async () => {
    const worker = startDiscoveryWorker(bench.parts);
    closeAtEnd(worker);
    const failed = new Promise<string>((resolve) =>
      worker.once('failed', (_job, error) => {
        resolve(error.message);
      }),
    );
    await queues.discovery.add(DISCOVER, { pipeline: 7 });
    expect(await failed).toContain('pipeline');
    const done = onCompleted(await eventsOf(queues.discovery));
    await queues.discovery.add(DISCOVER, WHOLE);
    expect(await done).toMatchObject({ orders: 0 });
  });
});

describe('invariant 5: Redis holds no truth;', () => {
  test('orders that it has lost come back with the same ids, and are delivered once', async () => {
    await here.createBucket('targets');
    await records('photos', 'music');
    await bench.discover();
    const before = await bench.inQueue();
    await queues.redis.flushall();
    expect(await bench.inQueue()).toEqual([]);
    expect(await bench.discover()).toEqual({
      orders: 0,
      records: 0,
      restored: 2,
      redriven: 0,
      saturated: false,
    });
    expect(await bench.inQueue()).toEqual(before);
    const events = await eventsOf(bench.delivery);
    const delivered = settled(events, before);
    drainAtEnd(startProcessors(here.store));
    await delivered;
    expect(await here.audit()).toMatchObject(everythingDelivered(10));
  });

  test.each<[string, (job: Job) => Promise<unknown>]>([
    ['completed', () => Promise.resolve()],
    ['failed', () => Promise.reject(new UnrecoverableError('an operator’s mistake'))],
  ])('an open order whose job it calls %s is enqueued again', async (state, body) => {
    await records('photos');
    await bench.discover();
    const [id] = await bench.inQueue();
    const events = await eventsOf(bench.delivery);
    const ended = new Promise<void>((resolve) => {
      events.once('completed', () => {
        resolve();
      });
      events.once('failed', () => {
        resolve();
      });
    });
    const worker = new Worker(bench.delivery.name, body, {
      connection: redisOptions(here.settings),
      prefix: here.settings['redis.key-prefix'],
    });
    await ended;
    await worker.close();
    expect(await bench.delivery.getJobState(id ?? '')).toBe(state);
    expect(await bench.discover()).toMatchObject({ orders: 0, restored: 1 });
    expect(await bench.inQueue()).toEqual([id]);
  });

  test('an order that the book calls failed waits for an operator, whatever Redis has lost', async () => {
    await records('photos');
    await bench.discover();
    const [order] = await bench.open();
    if (order === undefined) throw new Error('nothing was ordered');
    await here.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await queues.redis.flushall();
    expect(await bench.discover()).toMatchObject({ orders: 0, restored: 0 });
    expect(await bench.inQueue()).toEqual([]);
  });
});

function drainAtEnd(running: Running): void {
  bench.atEnd(() => running.drain());
}

function closeAtEnd(worker: Worker): void {
  bench.atEnd(() => worker.close());
}
