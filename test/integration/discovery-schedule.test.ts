import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Worker, Queue, QueueEvents } from 'bullmq';
import type { Queues } from '../../src/cli/assembly.js';
import { startDiscovery, type Running } from '../../src/cli/roles.js';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import { startDiscoveryWorker } from '../../src/processors/discovery.js';
import {
  DISCOVER,
  discoveriesOf,
  ensureScheduled,
  removeOtherSchedulers,
  scheduleDiscovery,
  schedulerId,
} from '../../src/queues/discovery.js';
import type { Deployment } from '../support/deployment.js';
import { openQueueEvents } from '../support/queue-events.js';
import { openWorkbench, WHOLE, type Workbench } from '../support/workbench.js';

const ID = schedulerId(WHOLE);
const HOUR_MS = 3_600_000;

let dir: string;
let engines: Engines;
let tests = 0;
let bench: Workbench;
let here: Deployment;
let queues: Queues;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-schedule-'));
  engines = await startEngines({ dir });
});

afterAll(async () => {
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  bench = await openWorkbench(engines, `schedule_${String(tests)}`, {
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

describe('the schedule of discovery', () => {
  async function intervalAfter(act: () => Promise<unknown>): Promise<number | undefined> {
    const done = onCompleted(await eventsOf(queues.discovery));
    await act();
    await done;
    return (await queues.discovery.getJobScheduler(ID))?.every;
  }

  test('repeats at the short interval after work was found, and at the long one when idle', async () => {
    await records('photos');
    const found = await intervalAfter(async () => {
      drainAtEnd(await startDiscovery(here.store, queues));
    });
    expect(found).toBe(HOUR_MS);
    const idle = await intervalAfter(() => queues.discovery.add(DISCOVER, WHOLE));
    expect(idle).toBe(2 * HOUR_MS);
    await records('music');
    const again = await intervalAfter(() => queues.discovery.add(DISCOVER, WHOLE));
    expect(again).toBe(HOUR_MS);
  });

  test('keeps the short interval while too many orders are open to make all that could be made', async () => {
    const most = { ...here.settings, 'queue.max-outstanding-orders': 1 };
    const pipeline = createAccessLogs({ ...here.store, settings: most });
    const full = { pipeline, queue: bench.delivery };
    await records('photos', 'music');
    await bench.discover();
    closeAtEnd(startDiscoveryWorker({ ...bench.parts, pipelines: [full] }));
    expect(await intervalAfter(() => queues.discovery.add(DISCOVER, WHOLE))).toBe(HOUR_MS);
  });

  test('holds exactly one discovery to come, however often its interval is set', async () => {
    for (const hours of [1, 3, 2, 5, 1, 1, 4]) {
      await scheduleDiscovery(queues.discovery, here.settings, WHOLE, hours * HOUR_MS);
    }
    const counts = await queues.discovery.getJobCounts(
      'waiting',
      'prioritized',
      'active',
      'delayed',
      'completed',
    );
    expect(counts).toEqual({ waiting: 0, prioritized: 0, active: 0, delayed: 1, completed: 0 });
    expect((await queues.discovery.getJobScheduler(ID))?.every).toBe(4 * HOUR_MS);
  });

  test('runs by itself again and again, one discovery after the other', async () => {
    const lively = {
      ...here.settings,
      'consumer.min-discovery-interval-seconds': 0.1,
      'consumer.max-discovery-interval-seconds': 0.1,
    };
    const events = await eventsOf(queues.discovery);
    const worker = startDiscoveryWorker({ ...bench.parts, settings: lively });
    closeAtEnd(worker);
    let runs = 0;
    const five = new Promise<void>((resolve) =>
      events.on('completed', () => {
        runs += 1;
        if (runs === 5) resolve();
      }),
    );
    await ensureScheduled(queues.discovery, lively, WHOLE);
    await five;
    await worker.close();
    const counts = await queues.discovery.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  test('is left alone when Redis has it', async () => {
    await scheduleDiscovery(queues.discovery, here.settings, WHOLE, HOUR_MS);
    const before = await queues.discovery.getJobScheduler(ID);
    await ensureScheduled(queues.discovery, here.settings, WHOLE);
    expect(await queues.discovery.getJobScheduler(ID)).toEqual(before);
  });

  test('is set up again when Redis has lost everything, and the worker goes on', async () => {
    drainAtEnd(await startDiscovery(here.store, queues));
    await onCompleted(await eventsOf(queues.discovery));
    await queues.redis.flushall();
    expect(await queues.discovery.getJobScheduler(ID)).toBeUndefined();
    const done = onCompleted(await eventsOf(queues.discovery));
    await ensureScheduled(queues.discovery, here.settings, WHOLE);
    await done;
    expect((await queues.discovery.getJobScheduler(ID))?.every).toBe(2 * HOUR_MS);
  });

  test('is set up again when Redis has it but does not follow it', async () => {
    await scheduleDiscovery(queues.discovery, here.settings, WHOLE, HOUR_MS);
    const prefix = here.settings['redis.key-prefix'];
    await queues.redis.zadd(`${prefix}:discovery:repeat`, Date.now() - 10 * HOUR_MS, ID);
    await ensureScheduled(queues.discovery, here.settings, WHOLE);
    const scheduler = await queues.discovery.getJobScheduler(ID);
    expect(scheduler?.next).toBeGreaterThan(Date.now() - HOUR_MS);
  });

  test('forgets the shards that the settings no longer ask for, and no other pipeline’s', async () => {
    const others = [...discoveriesOf('access', 1), ...discoveriesOf('access-logs-archive', 1)];
    for (const job of [...discoveriesOf('access-logs', 3), ...discoveriesOf('access-logs', 2), ...others]) {
      await scheduleDiscovery(queues.discovery, here.settings, job, HOUR_MS);
    }
    await removeOtherSchedulers(queues.discovery, discoveriesOf('access-logs', 2));
    await removeOtherSchedulers(queues.discovery, discoveriesOf('access', 1));
    const left = (await queues.discovery.getJobSchedulers()).map(({ key }) => key).sort();
    expect(left).toEqual([...discoveriesOf('access-logs', 2), ...others].map(schedulerId).sort());
  });
});

function drainAtEnd(running: Running): void {
  bench.atEnd(() => running.drain());
}

function closeAtEnd(worker: Worker): void {
  bench.atEnd(() => worker.close());
}
