import { beforeEach, describe, expect, test } from '@jest/globals';
import { startDiscovery } from '../../src/cli/roles.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import {
  DISCOVER,
  discoveriesOf,
  ensureScheduled,
  removeOtherSchedulers,
  scheduleDiscovery,
  schedulerId,
} from '../../src/queues/discovery.js';
import { useDiscoveryBench, type DiscoveryBench } from '../support/discovery-bench.js';
import { nextResult } from '../support/queue-events.js';
import { WHOLE } from '../support/workbench.js';

const ID = schedulerId(WHOLE);
const HOUR_MS = 3_600_000;

const open = useDiscoveryBench('schedule');
let bench: DiscoveryBench;

beforeEach(async () => {
  bench = await open();
});

/** Discovers by a schedule, until the test ends. */
async function discoverBySchedule(): Promise<void> {
  const running = await startDiscovery(bench.here.store, bench.queues);
  bench.atEnd(() => running.drain());
}

describe('the schedule of discovery', () => {
  async function intervalAfter(act: () => Promise<unknown>): Promise<number | undefined> {
    const done = nextResult(await bench.eventsOf(bench.queues.discovery));
    await act();
    await done;
    return (await bench.queues.discovery.getJobScheduler(ID))?.every;
  }

  test('repeats at the short interval after work was found, and at the long one when idle', async () => {
    await bench.addRecords('photos');
    const found = await intervalAfter(discoverBySchedule);
    expect(found).toBe(HOUR_MS);
    const idle = await intervalAfter(() => bench.queues.discovery.add(DISCOVER, WHOLE));
    expect(idle).toBe(2 * HOUR_MS);
    await bench.addRecords('music');
    const again = await intervalAfter(() => bench.queues.discovery.add(DISCOVER, WHOLE));
    expect(again).toBe(HOUR_MS);
  });

  test('keeps the short interval while too many orders are open to make all that could be made', async () => {
    const most = { ...bench.here.settings, 'queue.max-outstanding-orders': 1 };
    const pipeline = createAccessLogs({ ...bench.here.store, settings: most });
    const full = { pipeline, queue: bench.delivery };
    await bench.addRecords('photos', 'music');
    await bench.discover();
    bench.startWorker({ pipelines: [full] });
    expect(await intervalAfter(() => bench.queues.discovery.add(DISCOVER, WHOLE))).toBe(HOUR_MS);
  });

  test('holds exactly one discovery to come, however often its interval is set', async () => {
    for (const hours of [1, 3, 2, 5, 1, 1, 4]) {
      await scheduleDiscovery(bench.queues.discovery, bench.here.settings, WHOLE, hours * HOUR_MS);
    }
    const counts = await bench.queues.discovery.getJobCounts(
      'waiting',
      'prioritized',
      'active',
      'delayed',
      'completed',
    );
    expect(counts).toEqual({ waiting: 0, prioritized: 0, active: 0, delayed: 1, completed: 0 });
    expect((await bench.queues.discovery.getJobScheduler(ID))?.every).toBe(4 * HOUR_MS);
  });

  test('runs by itself again and again, one discovery after the other', async () => {
    const lively = {
      ...bench.here.settings,
      'consumer.min-discovery-interval-seconds': 0.1,
      'consumer.max-discovery-interval-seconds': 0.1,
    };
    const events = await bench.eventsOf(bench.queues.discovery);
    const worker = bench.startWorker({ settings: lively });
    let runs = 0;
    const five = new Promise<void>((resolve) =>
      events.on('completed', () => {
        runs += 1;
        if (runs === 5) resolve();
      }),
    );
    await ensureScheduled(bench.queues.discovery, lively, WHOLE);
    await five;
    await worker.close();
    const counts = await bench.queues.discovery.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  test('is left alone when Redis has it', async () => {
    await scheduleDiscovery(bench.queues.discovery, bench.here.settings, WHOLE, HOUR_MS);
    const before = await bench.queues.discovery.getJobScheduler(ID);
    await ensureScheduled(bench.queues.discovery, bench.here.settings, WHOLE);
    expect(await bench.queues.discovery.getJobScheduler(ID)).toEqual(before);
  });

  test('is set up again when Redis has lost everything, and the worker goes on', async () => {
    await discoverBySchedule();
    await nextResult(await bench.eventsOf(bench.queues.discovery));
    await bench.queues.redis.flushall();
    expect(await bench.queues.discovery.getJobScheduler(ID)).toBeUndefined();
    const done = nextResult(await bench.eventsOf(bench.queues.discovery));
    await ensureScheduled(bench.queues.discovery, bench.here.settings, WHOLE);
    await done;
    expect((await bench.queues.discovery.getJobScheduler(ID))?.every).toBe(2 * HOUR_MS);
  });

  test('is set up again when Redis has it but does not follow it', async () => {
    await scheduleDiscovery(bench.queues.discovery, bench.here.settings, WHOLE, HOUR_MS);
    const prefix = bench.here.settings['redis.key-prefix'];
    await bench.queues.redis.zadd(`${prefix}:discovery:repeat`, Date.now() - 10 * HOUR_MS, ID);
    await ensureScheduled(bench.queues.discovery, bench.here.settings, WHOLE);
    const scheduler = await bench.queues.discovery.getJobScheduler(ID);
    expect(scheduler?.next).toBeGreaterThan(Date.now() - HOUR_MS);
  });

  test('forgets the shards that the settings no longer ask for, and no other pipeline’s', async () => {
    const others = [...discoveriesOf('access', 1), ...discoveriesOf('access-logs-archive', 1)];
    for (const job of [...discoveriesOf('access-logs', 3), ...discoveriesOf('access-logs', 2), ...others]) {
      await scheduleDiscovery(bench.queues.discovery, bench.here.settings, job, HOUR_MS);
    }
    await removeOtherSchedulers(bench.queues.discovery, discoveriesOf('access-logs', 2));
    await removeOtherSchedulers(bench.queues.discovery, discoveriesOf('access', 1));
    const left = (await bench.queues.discovery.getJobSchedulers()).map(({ key }) => key).sort();
    expect(left).toEqual([...discoveriesOf('access-logs', 2), ...others].map(schedulerId).sort());
  });
});
