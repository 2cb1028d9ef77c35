import { hostname } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import type { BookEntry } from '../../src/pipelines/access-logs/book-row.js';
import { offsetFrom, type Offset } from '../../src/pipelines/access-logs/offset.js';
import { readOffsets } from '../../src/pipelines/access-logs/offsets.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { AlreadyDeliveredError } from '../../src/pipelines/errors.js';
import type { DeliveryContext } from '../../src/pipelines/pipeline.js';
import { redisOptions } from '../../src/queues/connection.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const GIVEN = { by: 'ada@ops', reason: 'the customer has closed the account' };

const open = useWorkbench('skip');
let bench: Workbench;
let book: OrderBook;

function context(): DeliveryContext {
  return { signal: new AbortController().signal, report: () => undefined };
}

/** Three orders of one bucket, one after the other; the first is for a target that is not there. */
async function threeOrders(): Promise<readonly [AccessLogOrder, AccessLogOrder, AccessLogOrder]> {
  bench = await open();
  const { here, target } = bench;
  book = new OrderBook(here.store.clickhouse, tablesOf(here.settings));
  await here.createBucket(target);
  for (const [where, ageSeconds] of [
    ['nowhere', 900],
    [target, 600],
    [target, 300],
  ] as const) {
    await here.addRecords({ bucket: 'photos', target: where, count: 10, ageSeconds });
    await bench.discover();
  }
  const [first, second, third] = await bench.open();
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('three orders were expected');
  return [first, second, third];
}

async function fail(order: AccessLogOrder): Promise<void> {
  await bench.here.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'nowhere is gone', objects: [] });
}

async function deliver(order: AccessLogOrder): Promise<void> {
  const { pipeline } = bench.here;
  await pipeline.commit(order, await pipeline.deliver(order, context()));
}

async function committed(): Promise<Offset | undefined> {
  await bench.here.pipeline.close();
  const { clickhouse } = bench.here.store;
  const [row] = await readOffsets(clickhouse, tablesOf(bench.here.settings));
  return row === undefined ? undefined : offsetFrom(row.committed);
}

async function entryOf(order: AccessLogOrder): Promise<BookEntry | undefined> {
  return book.find(order.id);
}

describe('invariant 4: an order that is stuck does not stop its bucket;', () => {
  test('later orders are delivered, and the offset waits before it and jumps when it is settled', async () => {
    const [first, second, third] = await threeOrders();
    await fail(first);
    await deliver(second);
    await deliver(third);
    expect(await bench.here.keysIn(bench.target)).toHaveLength(2);
    expect(await committed()).toBeUndefined();
    await bench.here.createBucket('nowhere');
    await bench.here.cli('retry', '--order', first.id);
    await deliver(first);
    expect(await committed()).toEqual(third.upTo);
    expect(await bench.here.audit()).toMatchObject({ records: 30, delivered: 30, missing: 0 });
    await bench.here.deleteBucket('nowhere');
  });

  test('nor does it when nobody can mend it: given up, it lets the offset go on', async () => {
    const [first, second, third] = await threeOrders();
    await fail(first);
    await deliver(second);
    await bench.here.pipeline.skip(first.id, GIVEN);
    expect(await committed()).toEqual(second.upTo);
    await deliver(third);
    expect(await committed()).toEqual(third.upTo);
  });
});

describe('skip', () => {
  test('notes who, when, why and how many records, and hides nothing of it', async () => {
    const [first, second, third] = await threeOrders();
    await fail(first);
    const { stdout, status } = await bench.here.cli(
      ...['skip', '--order', first.id, '--reason', GIVEN.reason, '--by', GIVEN.by, '--json'],
    );
    expect(status).toBe(0);
    const { skip, ...entry } = (await entryOf(first)) ?? {};
    expect(entry).toMatchObject({ state: 'skipped', failureCode: 'NoSuchBucket', objects: [] });
    expect(skip).toMatchObject({ ...GIVEN, records: 10 });
    expect(JSON.parse(stdout)).toEqual({
      ...{ pipeline: 'access-logs', order: first.id, source: 'photos', ...skip },
      ...{ alreadySkipped: false, deliveryUnderWay: false },
    });
    expect(await bench.inQueue()).toEqual([second, third].map(jobIdOf).sort());
    await deliver(second);
    await deliver(third);
    const counted = { records: 30, delivered: 20, skipped: 10, outstanding: 0, missing: 0, duplicated: 0 };
    expect(await bench.here.pipeline.audit({ deep: false })).toMatchObject(counted);
    expect(await bench.here.audit()).toMatchObject(counted);
    const audit = await bench.here.cli('audit', '--deep');
    expect(audit).toMatchObject({ status: 0 });
    expect(audit.stdout).toContain('10 in orders that were given up');
    expect((await bench.here.cli('status')).stdout).toContain('given up: 1 order, 10 records');
    expect(await bench.here.pipeline.status()).toMatchObject({
      skippedRecords: 10,
      orders: { open: 0, failed: 0, skipped: 1, delivered: 2 },
    });
  });

  test('names the user and the host when nobody else is named', async () => {
    const [first] = await threeOrders();
    const { stdout } = await bench.here.cli('skip', '--order', first.id, '--reason', 'a test');
    expect(stdout).toContain(`@${hostname()}: 10 records will not be delivered`);
    expect((await entryOf(first))?.skip?.by).toMatch(/^.+@.+$/);
  });

  test('a second time changes nothing and says so, and retry says who gave it up', async () => {
    const [first] = await threeOrders();
    await bench.here.pipeline.skip(first.id, GIVEN);
    const before = await entryOf(first);
    const again = await bench.here.cli('skip', '--order', first.id, '--reason', 'another');
    expect(again.status).toBe(0);
    expect(again.stdout).toContain(`was given up before, by ${GIVEN.by}`);
    expect(again.stdout).toContain('nothing was changed');
    expect(await entryOf(first)).toEqual(before);
    const { stdout } = await bench.here.cli('retry', '--order', first.id);
    expect(stdout).toContain(`was given up by ${GIVEN.by}`);
    expect(stdout).toContain(GIVEN.reason);
  });

  test('is refused for orders that are delivered, or that nobody knows', async () => {
    const [, second] = await threeOrders();
    await deliver(second);
    const delivered = await bench.here.cli('skip', '--order', second.id, '--reason', 'a test');
    expect(delivered).toMatchObject({ status: 1, stdout: '' });
    expect(delivered.stderr).toContain(`work order ${second.id} is delivered`);
    const unknown = await bench.here.cli('skip', '--order', 'ffffffffffffffff', '--reason', 'a test');
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toContain('there is no work order "ffffffffffffffff"');
  });

  test('does not count what did arrive in some of the order’s targets', async () => {
    const [first] = await threeOrders();
    const object = { bucket: bench.target, prefix: '', key: 'k', records: 4, bytes: 1, sha256: '' };
    await bench.here.pipeline.fail(first, { code: 'NoSuchBucket', reason: 'gone', objects: [object] });
    expect((await bench.here.pipeline.skip(first.id, GIVEN)).skip.records).toBe(6);
    expect(await entryOf(first)).toMatchObject({ objects: [object] });
    const audited = await bench.here.pipeline.audit({ deep: false });
    expect(audited).toMatchObject({ delivered: 4, skipped: 6, outstanding: 20 });
  });

  test('outranks a failure and a retry of processes that had not heard of it', async () => {
    const [first] = await threeOrders();
    await fail(first);
    const stale = await entryOf(first);
    await bench.here.pipeline.skip(first.id, GIVEN);
    if (stale === undefined) throw new Error('the order is gone');
    await book.markFailed(first, { code: 'X', reason: 'late', objects: [] }, stale);
    await fail(first);
    await bench.here.pipeline.reopen([first]);
    expect(await entryOf(first)).toMatchObject({ state: 'skipped', skip: GIVEN });
  });
});

describe('of a skip and a delivery at the same time', () => {
  test('the delivery wins when it was under way', async () => {
    const [, second] = await threeOrders();
    const receipt = await bench.here.pipeline.deliver(second, context());
    await bench.here.pipeline.skip(second.id, GIVEN);
    expect(await entryOf(second)).toMatchObject({ state: 'skipped' });
    await bench.here.pipeline.commit(second, receipt);
    expect(await entryOf(second)).toMatchObject({ state: 'delivered', skip: undefined });
    await expect(bench.here.pipeline.skip(second.id, GIVEN)).rejects.toThrow(AlreadyDeliveredError);
    expect(await bench.here.audit()).toMatchObject({ delivered: 10, skipped: 0, missing: 0, duplicated: 0 });
  });

  test('the skip wins when the delivery comes later: it finds nothing to do', async () => {
    const [, second] = await threeOrders();
    await bench.here.pipeline.skip(second.id, GIVEN);
    expect(await bench.here.pipeline.deliver(second, context())).toMatchObject({ already: 'skipped' });
    expect(await bench.here.keysIn(bench.target)).toEqual([]);
  });

  test('the command says that the delivery may still win, and leaves it alone', async () => {
    const [first] = await threeOrders();
    const { delivery, here } = bench;
    // Taken by hand, as a worker takes it: the job is active under this lock.
    const worker = await takeByHand(first);
    const { stdout } = await here.cli('skip', '--order', first.id, '--reason', 'a test');
    expect(stdout).toContain('when it succeeds, the order counts as delivered');
    expect(await delivery.getJobState(jobIdOf(first))).toBe('active');
    await worker();
  });
});

/** Takes the first job of the queue; the answer hands it back. */
async function takeByHand(order: AccessLogOrder): Promise<() => Promise<void>> {
  const { settings } = bench.here;
  const worker = new Worker(bench.delivery.name, null, {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  const job = await worker.getNextJob('a token');
  expect(job.id).toBe(jobIdOf(order));
  return async () => {
    await worker.close();
  };
}
