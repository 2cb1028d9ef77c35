import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Worker } from 'bullmq';
import { startMaintenance } from '../../src/cli/roles.js';
import { startDeliveryWorker } from '../../src/processors/delivery.js';
import { enqueueGrown } from '../../src/processors/late-records.js';
import { runMaintenance, startMaintenanceWorker } from '../../src/processors/maintenance.js';
import { ensureMaintenance, maintenanceId, setUpMaintenance } from '../../src/queues/maintenance.js';
import { deliveriesIn, everythingDelivered } from '../support/deployment.js';
import { holdNextJob } from '../support/held-job.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const AUDIT = { pipeline: 'access-logs', task: 'audit' } as const;
const MANIFESTS = { pipeline: 'access-logs', task: 'manifests' } as const;
const ID = maintenanceId(AUDIT);
const HOUR_MS = 3_600_000;
const going = new AbortController().signal;

const open = useWorkbench('maintenance');
let bench: Workbench;

beforeEach(async () => {
  bench = await open({
    LOG_COURIER_AUDIT_INTERVAL_SECONDS: '3600',
    LOG_COURIER_MANIFEST_INTERVAL_SECONDS: '7200',
  });
});

/** Ten records of a bucket, delivered in one order. */
async function deliverTen(bucket: string): Promise<void> {
  const target = `logs-of-${bucket}`;
  await bench.here.createBucket(target);
  await bench.here.addRecords({ bucket, target, count: 10, ageSeconds: 600 });
  await bench.discover();
  await deliver();
}

/** Has all that is in the queue delivered. */
async function deliver(): Promise<void> {
  const ids = await bench.inQueue();
  const events = await openQueueEvents(bench.here.settings, bench.delivery.name);
  const done = settled(events, ids);
  const worker = startDeliveryWorker({ ...bench.here.store, pipeline: bench.here.pipeline });
  await done;
  await worker.close();
  await events.close();
}

/** So many records that come in late: with a time before that of those that {@link deliverTen} has had delivered. */
async function addLate(bucket: string, count: number): Promise<void> {
  await bench.here.addRecords({ bucket, target: `logs-of-${bucket}`, count, ageSeconds: 1200 });
}

/** Resolves when a run has ended; a run whose job was wiped from Redis is an error of the worker, and does not count. */
function completed(worker: Worker): Promise<void> {
  return new Promise((resolve) =>
    worker.once('completed', () => {
      resolve();
    }),
  );
}

describe('the schedule of maintenance', () => {
  const intervalOf = async (id: string): Promise<number | undefined> =>
    (await bench.queues.maintenance.getJobScheduler(id))?.every;

  test('is set up by the discovery role: audits at their interval, manifests only when they are enabled', async () => {
    const { here, queues } = bench;
    const off = await startMaintenance(here.store, queues);
    bench.atEnd(() => off.drain());
    expect(await intervalOf(ID)).toBe(HOUR_MS);
    expect(await intervalOf(maintenanceId(MANIFESTS))).toBeUndefined();

    const enabled = { ...here.settings, 'manifest.enabled': true };
    await setUpMaintenance(queues.maintenance, enabled, MANIFESTS);
    expect(await intervalOf(maintenanceId(MANIFESTS))).toBe(2 * HOUR_MS);
    await setUpMaintenance(queues.maintenance, here.settings, MANIFESTS);
    expect(await intervalOf(maintenanceId(MANIFESTS))).toBeUndefined();
    const scheduled = await queues.maintenance.getJobSchedulers();
    expect(scheduled.map(({ name }) => name).sort()).toEqual(['audit', 'measure']);
  });

  test('follows a changed interval when a process starts, and only then', async () => {
    const { here, queues } = bench;
    await setUpMaintenance(queues.maintenance, here.settings, AUDIT);
    const other = { ...here.settings, 'audit.interval-seconds': 60 };
    await ensureMaintenance(queues.maintenance, other, AUDIT);
    expect(await intervalOf(ID)).toBe(HOUR_MS);
    await setUpMaintenance(queues.maintenance, other, AUDIT);
    expect(await intervalOf(ID)).toBe(60_000);
    expect(await queues.maintenance.getJobCounts('delayed')).toEqual({ delayed: 1 });
  });

  test('is left alone when Redis has it, so that starting again puts no run off', async () => {
    const { here, queues } = bench;
    await setUpMaintenance(queues.maintenance, here.settings, AUDIT);
    const before = await queues.maintenance.getJobScheduler(ID);
    await setUpMaintenance(queues.maintenance, here.settings, AUDIT);
    await ensureMaintenance(queues.maintenance, here.settings, AUDIT);
    expect(await queues.maintenance.getJobScheduler(ID)).toEqual(before);
  });

  test('is set up again when Redis has lost everything, and the worker goes on', async () => {
    const { here, queues, parts } = bench;
    const lively = { ...here.settings, 'audit.interval-seconds': 0.2 };
    const worker = startMaintenanceWorker({
      ...parts,
      maintenanceQueue: queues.maintenance,
      settings: lively,
    });
    bench.atEnd(() => worker.close());
    const first = completed(worker);
    await setUpMaintenance(queues.maintenance, lively, AUDIT);
    await first;
    await queues.redis.flushall();
    const again = completed(worker);
    await ensureMaintenance(queues.maintenance, lively, AUDIT);
    await again;
    expect(await intervalOf(ID)).toBe(200);
  });

  test('piles nothing up while a run takes longer than its interval: further runs end at once', async () => {
    const { here, queues, parts } = bench;
    const lively = { ...here.settings, 'audit.interval-seconds': 0.1 };
    let finish = (): void => undefined;
    // One for all looks: another may begin after it has been told that they may end.
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let looks = 0;
    const slow = {
      ...here.pipeline,
      findLate: async () => {
        looks += 1;
        await finished;
        return { orders: [], records: 0, ordersExamined: 0, recordsExamined: 0, rowsRead: 0 };
      },
    };
    const on = { pipeline: slow, queue: bench.delivery };
    const worker = startMaintenanceWorker({
      ...parts,
      maintenanceQueue: queues.maintenance,
      settings: lively,
      pipelines: [on],
    });
    bench.atEnd(() => worker.close());
    bench.atEnd(finish);
    const skipped = new Promise<void>((resolve) => {
      let times = 0;
      worker.on('completed', () => {
        times += 1;
        if (times === 3) resolve();
      });
    });
    await setUpMaintenance(queues.maintenance, lively, AUDIT);
    await skipped;
    expect(looks).toBe(1);
    const { waiting = 0, delayed = 0 } = await queues.maintenance.getJobCounts('waiting', 'delayed');
    expect(waiting + delayed).toBeLessThanOrEqual(1);
    await queues.maintenance.removeJobScheduler(ID);
  });

  test('has one run of a task at a time, whatever the number of processes', async () => {
    const { parts } = bench;
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => runMaintenance(parts, AUDIT, going)));
    expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
  });
});

describe('invariant 1: an order that late records have joined', () => {
  test('is delivered again to the same key, complete, and the order book shows both deliveries', async () => {
    const { here, parts } = bench;
    await deliverTen('photos');
    const keys = await here.keysIn('logs-of-photos');
    await addLate('photos', 3);
    expect(await here.audit()).toMatchObject({ missing: 3 });

    const outcome = await runMaintenance(parts, AUDIT, going);
    expect(outcome).toMatchObject({ found: true, figures: { orders: 1, records: 3, enqueued: 1 } });
    await deliver();
    expect(await here.audit()).toMatchObject(everythingDelivered(13));
    expect(await here.keysIn('logs-of-photos')).toEqual(keys);
    expect(await deliveriesIn(here)).toEqual([[10, 13]]);
    expect(await runMaintenance(parts, AUDIT, going)).toMatchObject({ found: false, figures: { orders: 0 } });

    const counted = async (name: string): Promise<number | undefined> =>
      (await here.store.metrics.registry.getSingleMetric(`log_courier_${name}`)?.get())?.values[0]?.value;
    expect(await counted('late_records_total')).toBe(3);
    expect(await counted('orders_redelivered_total')).toBe(1);
    expect(await counted('records_delivered_total')).toBe(13);
    expect(await counted('audit_runs_total')).toBe(2);
    expect(await counted('audit_orders_examined_total')).toBe(2);
    expect(await counted('audit_rows_read_total')).toBeGreaterThanOrEqual(26);
  });

  test('is not enqueued a second time while it waits, nor while it is being delivered', async () => {
    const { here, parts, delivery } = bench;
    await deliverTen('music');
    await addLate('music', 1);
    const on = { pipeline: here.pipeline, queue: delivery };
    const look = async (): Promise<number> => (await enqueueGrown(parts, on, 6, going)).enqueued;
    expect(await look()).toBe(1);
    expect(await look()).toBe(0);

    const [id] = await bench.inQueue();
    await holdNextJob(bench);
    expect(await delivery.getRanges(['active'])).toEqual([id]);
    expect(await look()).toBe(0);
    expect(await delivery.getRanges(['active'])).toEqual([id]);
  });

  test('is enqueued again after its second delivery has failed', async () => {
    const { here, parts, delivery } = bench;
    await deliverTen('films');
    await addLate('films', 2);
    const on = { pipeline: here.pipeline, queue: delivery };
    await here.deleteBucket('logs-of-films');
    expect((await enqueueGrown(parts, on, 6, going)).enqueued).toBe(1);
    await deliver();
    expect(await delivery.getJobCounts('failed')).toEqual({ failed: 1 });
    await here.createBucket('logs-of-films');
    const { enqueued, orders } = await enqueueGrown(parts, on, 6, going);
    expect({ enqueued, orders }).toEqual({ enqueued: 1, orders: 1 });
    await deliver();
    expect(await here.audit()).toMatchObject(everythingDelivered(12));
  });

  test('is put back by `audit --repair`, which says how many', async () => {
    const { here } = bench;
    await deliverTen('papers');
    expect((await here.cli('audit', '--repair')).stdout).toContain(
      'no late record has joined a delivered order',
    );
    await addLate('papers', 2);
    const { stdout, status } = await here.cli('audit', '--repair');
    expect(stdout).toContain('2 late records in 1 delivered order; 1 order put back into the queue');
    expect(status).toBe(1);
    await deliver();
    expect(await here.audit()).toMatchObject(everythingDelivered(12));
  });
});
