import { describe, expect, test } from '@jest/globals';
import { startDiscovery, startProcessors } from '../../src/cli/roles.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { putBack } from '../../src/queues/put-back.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import type { Environment } from '../support/cli.js';
import { everythingDelivered } from '../support/deployment.js';
import { failedEarlier } from '../support/failed-orders.js';
import { holdNextJob } from '../support/held-job.js';
import { nextResult, settled } from '../support/queue-events.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const open = useWorkbench('redrive');

interface Prepared {
  readonly bench: Workbench;
  readonly order: AccessLogOrder;
}

/** One order of ten records whose target is not there. */
async function withOrder(more: Environment = {}): Promise<Prepared> {
  const bench = await open(more);
  await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 10 });
  await bench.discover();
  const [order] = await bench.open();
  if (order === undefined) throw new Error('nothing was ordered');
  return { bench, order };
}

/** The same, failed for good. */
async function withFailedOrder(more: Environment = {}): Promise<Prepared> {
  const prepared = await withOrder(more);
  const { bench, order } = prepared;
  const events = await bench.eventsOf(bench.delivery);
  const failed = settled(events, [jobIdOf(order)]);
  const processors = startProcessors(bench.here.store);
  await failed;
  await processors.drain();
  expect((await bench.here.pipeline.failed({})).map(({ code }) => code)).toEqual(['NoSuchBucket']);
  return prepared;
}

describe('an order that failed for good', () => {
  test('is delivered by itself some time after its target was mended, without any command', async () => {
    const { bench, order } = await withOrder({
      LOG_COURIER_RETRY_REDRIVE_INTERVAL_SECONDS: '1',
      LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.1',
      LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.2',
    });
    const { here, queues, atEnd, target } = bench;
    const events = await bench.eventsOf(bench.delivery);
    const completed = nextResult(events);
    const failed = settled(events, [jobIdOf(order)]);
    const processors = startProcessors(here.store);
    atEnd(() => processors.drain());
    await failed;
    expect(await here.keysIn(target).catch((error: unknown) => String(error))).toContain('NoSuchBucket');
    const discovery = await startDiscovery(here.store, queues);
    atEnd(() => discovery.drain());
    await here.createBucket(target);
    await completed;
    expect(await here.audit()).toMatchObject({ ...everythingDelivered(10), objects: 1 });
  });

  test('is left alone until retry.redrive-interval-seconds have passed, and tried again then', async () => {
    const { bench, order } = await withFailedOrder();
    expect(await bench.discover()).toMatchObject({ redriven: 0 });
    await failedEarlier(bench.here.store, 3590);
    expect(await bench.discover()).toMatchObject({ redriven: 0 });
    await failedEarlier(bench.here.store, 10);
    expect(await bench.discover()).toMatchObject({ redriven: 1, restored: 0 });
    expect(await bench.open()).toMatchObject([{ id: order.id }]);
    expect(await bench.inQueue()).toEqual([jobIdOf(order)]);
    expect(await bench.discover()).toMatchObject({ redriven: 0, restored: 0 });
  });

  test('is left alone while a processor is at it because somebody retries it on the board', async () => {
    const { bench, order } = await withFailedOrder();
    await failedEarlier(bench.here.store, 7200);
    const job = await bench.delivery.getJob(jobIdOf(order));
    await job?.retry();
    expect(await bench.discover()).toMatchObject({ redriven: 0, restored: 0 });
    await holdNextJob(bench);
    expect(await bench.discover()).toMatchObject({ redriven: 0, restored: 0 });
    expect(await bench.delivery.getJobState(jobIdOf(order))).toBe('active');
    expect(await bench.open()).toEqual([]);
  });

  test('is not enqueued a second time by a command while a processor is at it', async () => {
    const { bench, order } = await withFailedOrder();
    await (await bench.delivery.getJob(jobIdOf(order)))?.retry();
    await holdNextJob(bench);
    await putBack({ pipeline: bench.here.pipeline, queue: bench.delivery }, bench.here.settings, [order]);
    expect(await bench.delivery.getJobState(jobIdOf(order))).toBe('active');
    expect(await bench.inQueue()).toEqual([]);
  });

  test('does not keep run --once from ending when it fails again, however short the interval', async () => {
    const { bench } = await withFailedOrder({ LOG_COURIER_RETRY_REDRIVE_INTERVAL_SECONDS: '1' });
    await failedEarlier(bench.here.store, 60);
    expect(await bench.here.cli('run', '--once')).toMatchObject({
      status: 1,
      stdout: '0 new work orders with 0 records; 0 delivered, 1 failed (`log-courier status` says why)\n',
    });
  });
});

describe('of many failed orders', () => {
  test('those that failed the longest ago are tried first, and new orders keep half of the room', async () => {
    const { bench } = await withFailedOrder({ LOG_COURIER_QUEUE_MAX_OUTSTANDING_ORDERS: '4' });
    const { here } = bench;
    for (const bucket of ['films', 'music', 'games'])
      await here.addRecords({ bucket, target: 'nowhere', count: 1 });
    await bench.discover();
    for (const order of await bench.open())
      await here.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await bench.delivery.obliterate({ force: true });
    await failedEarlier(here.store, 7200);
    const oldest = (await here.pipeline.failed({})).slice(0, 2).map(({ order }) => order.id);
    expect(await bench.discover()).toMatchObject({ redriven: 2 });
    expect((await bench.open()).map(({ id }) => id).sort()).toEqual([...oldest].sort());
    expect(await bench.discover()).toMatchObject({ redriven: 0 });
  });
});
