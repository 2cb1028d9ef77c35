import { beforeEach, describe, expect, test } from '@jest/globals';
import { UnrecoverableError, Worker, type Job } from 'bullmq';
import { openQueues } from '../../src/cli/assembly.js';
import { startProcessors } from '../../src/cli/roles.js';
import { runDiscovery } from '../../src/processors/discovery.js';
import { UnknownPipelineError } from '../../src/queues/pipeline-queue.js';
import { Lease } from '../../src/processors/lease.js';
import { redisOptions } from '../../src/queues/connection.js';
import { DISCOVER, schedulerId } from '../../src/queues/discovery.js';
import { everythingDelivered } from '../support/deployment.js';
import { useDiscoveryBench, type DiscoveryBench } from '../support/discovery-bench.js';
import { nextResult, settled } from '../support/queue-events.js';
import { WHOLE } from '../support/workbench.js';

const ID = schedulerId(WHOLE);

const open = useDiscoveryBench('discovery');
let bench: DiscoveryBench;

beforeEach(async () => {
  bench = await open();
});

describe('of several processes with discovery', () => {
  test('one at a time discovers; the others skip their turn', async () => {
    await bench.addRecords('photos');
    const prefix = bench.here.settings['redis.key-prefix'];
    const lease = await Lease.take(bench.queues.redis, `${prefix}:discovering:${ID}`, 60_000);
    const events = await bench.eventsOf(bench.queues.discovery);
    bench.startWorker();
    const skipped = nextResult(events);
    await bench.queues.discovery.add(DISCOVER, WHOLE);
    expect(await skipped).toEqual({ skipped: 'another process is at it' });
    expect(await bench.inBook()).toEqual([]);
    await lease?.release();
    const found = nextResult(events);
    await bench.queues.discovery.add(DISCOVER, WHOLE);
    expect(await found).toMatchObject({ orders: 1, records: 5 });
  });

  test('no two order the same records', async () => {
    await bench.addRecords('photos', 'music', 'films');
    const others = [openQueues(bench.here.store), openQueues(bench.here.store)];
    for (const other of others) bench.atEnd(() => other.close());
    const outcomes = await Promise.all(
      [bench.queues, ...others].map(({ redis }) =>
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
    await bench.addRecords('photos', 'music', 'films');
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
    await bench.addRecords('photos');
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
    const worker = bench.startWorker();
    const failed = new Promise<string>((resolve) =>
      worker.once('failed', (_job, error) => {
        resolve(error.message);
      }),
    );
    await bench.queues.discovery.add(DISCOVER, { pipeline: 7 });
    expect(await failed).toContain('pipeline');
    const done = nextResult(await bench.eventsOf(bench.queues.discovery));
    await bench.queues.discovery.add(DISCOVER, WHOLE);
    expect(await done).toMatchObject({ orders: 0 });
  });
});

describe('invariant 5: Redis holds no truth;', () => {
  test('orders that it has lost come back with the same ids, and are delivered once', async () => {
    await bench.here.createBucket('targets');
    await bench.addRecords('photos', 'music');
    await bench.discover();
    const before = await bench.inQueue();
    await bench.queues.redis.flushall();
    expect(await bench.inQueue()).toEqual([]);
    expect(await bench.discover()).toEqual({
      orders: 0,
      records: 0,
      restored: 2,
      redriven: 0,
      saturated: false,
    });
    expect(await bench.inQueue()).toEqual(before);
    const events = await bench.eventsOf(bench.delivery);
    const delivered = settled(events, before);
    const processors = startProcessors(bench.here.store);
    bench.atEnd(() => processors.drain());
    await delivered;
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(10));
  });

  test.each<[string, (job: Job) => Promise<unknown>]>([
    ['completed', () => Promise.resolve()],
    ['failed', () => Promise.reject(new UnrecoverableError('an operator’s mistake'))],
  ])('an open order whose job it calls %s is enqueued again', async (state, body) => {
    await bench.addRecords('photos');
    await bench.discover();
    const [id] = await bench.inQueue();
    const events = await bench.eventsOf(bench.delivery);
    const ended = new Promise<void>((resolve) => {
      events.once('completed', () => {
        resolve();
      });
      events.once('failed', () => {
        resolve();
      });
    });
    const worker = new Worker(bench.delivery.name, body, {
      connection: redisOptions(bench.here.settings),
      prefix: bench.here.settings['redis.key-prefix'],
    });
    await ended;
    await worker.close();
    expect(await bench.delivery.getJobState(id ?? '')).toBe(state);
    expect(await bench.discover()).toMatchObject({ orders: 0, restored: 1 });
    expect(await bench.inQueue()).toEqual([id]);
  });

  test('an order that the book calls failed waits for an operator, whatever Redis has lost', async () => {
    await bench.addRecords('photos');
    await bench.discover();
    const [order] = await bench.open();
    if (order === undefined) throw new Error('nothing was ordered');
    await bench.here.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await bench.queues.redis.flushall();
    expect(await bench.discover()).toMatchObject({ orders: 0, restored: 0 });
    expect(await bench.inQueue()).toEqual([]);
  });
});
