import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { PausedError, refuseWhilePaused } from '../../src/cli/paused.js';
import { startDiscovery, startProcessors } from '../../src/cli/roles.js';
import { ensureScheduled } from '../../src/queues/discovery.js';
import { Pauses } from '../../src/queues/pauses.js';
import { nextResult } from '../support/queue-events.js';
import { useWorkbench } from '../support/test-workbench.js';
import { WHOLE, type Workbench } from '../support/workbench.js';

const open = useWorkbench('pauses');

/** A discovery never has long to wait. */
const SOON = {
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.2',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.2',
};

function pausesOf({ here, queues }: Workbench): Pauses {
  return new Pauses({ settings: here.settings, ...queues });
}

describe('delivery that is paused', () => {
  test('takes no new orders in any process, and goes on when it is resumed', async () => {
    const bench = await open();
    const pauses = pausesOf(bench);
    await pauses.pause('delivery', undefined, 'ann');
    const processors = startProcessors(bench.here.store);
    bench.atEnd(() => processors.drain());
    await bench.here.createBucket(bench.target);
    await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 10 });
    await bench.discover();
    expect(await bench.discover()).toMatchObject({ orders: 0, restored: 0 });
    expect(await bench.inQueue()).toHaveLength(1);
    expect(await pauses.list()).toMatchObject([{ what: 'delivery', pipeline: null, by: 'ann' }]);
    const completed = nextResult(await bench.eventsOf(bench.delivery));
    await pauses.resume('delivery', undefined);
    await completed;
    expect(await pauses.list()).toEqual([]);
    expect(await bench.here.keysIn(bench.target)).toHaveLength(1);
  });

  test('is told as paused by the board when somebody used the board, and no more when it was resumed there', async () => {
    const bench = await open();
    const pauses = pausesOf(bench);
    await bench.delivery.pause();
    const [seen] = await pauses.list();
    expect(seen).toMatchObject({ what: 'delivery', by: 'the board of the queues' });
    // Whoever asks next is told the same time.
    expect(await pauses.list()).toEqual([seen]);
    await bench.delivery.resume();
    expect(await pauses.list()).toEqual([]);
  });
});

describe('discovery that is paused', () => {
  test('makes no orders while its schedule goes on, and goes on when it is resumed', async () => {
    const bench = await open(SOON);
    const pauses = pausesOf(bench);
    await pauses.pause('discovery', 'access-logs', 'ann');
    await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 10 });
    const events = await bench.eventsOf(bench.queues.discovery);
    const skipped = nextResult(events);
    const discovery = await startDiscovery(bench.here.store, bench.queues);
    bench.atEnd(() => discovery.drain());
    expect(await skipped).toEqual({ skipped: expect.stringMatching(/^discovery is paused by ann since /) });
    expect(await bench.open()).toEqual([]);
    // The next one comes by itself, and is skipped too.
    expect(await nextResult(events)).toMatchObject({ skipped: expect.any(String) });
    await pauses.resume('discovery', 'access-logs');
    while ((await bench.open()).length === 0) await once(events, 'completed');
    expect(await pauses.list()).toEqual([]);
  });

  test('is not scheduled anew when its queue was paused on the board: that is no fault of the schedule', async () => {
    const bench = await open(SOON);
    const { discovery } = bench.queues;
    await discovery.pause();
    await ensureScheduled(discovery, bench.here.settings, WHOLE);
    expect(await discovery.getJobSchedulers()).toEqual([]);
    expect(await pausesOf(bench).list()).toMatchObject([
      { what: 'discovery', by: 'the board of the queues' },
    ]);
    await pausesOf(bench).resume('discovery', undefined);
    expect(await discovery.isPaused()).toBe(false);
    expect(await discovery.getJobSchedulers()).toHaveLength(1);
  });
});

describe('a pause', () => {
  test('is forgotten with a Redis that is wiped: everything goes on', async () => {
    const bench = await open();
    const pauses = pausesOf(bench);
    await pauses.pause('delivery', undefined, 'ann');
    await pauses.pause('discovery', undefined, 'ann');
    expect(await pauses.list()).toHaveLength(2);
    const keys = await bench.queues.redis.keys(`${bench.here.settings['redis.key-prefix']}*`);
    await bench.queues.redis.del(...keys);
    expect(await pauses.list()).toEqual([]);
    expect(await bench.delivery.isPaused()).toBe(false);
  });

  test('keeps run --once from beginning what it could not end', async () => {
    const bench = await open();
    await refuseWhilePaused(bench.here.store, bench.queues);
    await pausesOf(bench).pause('delivery', undefined, 'ann');
    await expect(refuseWhilePaused(bench.here.store, bench.queues)).rejects.toThrow(PausedError);
    const { status, stderr } = await bench.here.cli('run', '--once');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('delivery is paused by ann'),
    });
  });
});
