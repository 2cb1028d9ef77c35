import { expect, test } from '@jest/globals';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { HistoryKeeper } from '../../src/dashboard/history/keeper.js';
import { HistoryStore, MINUTE_MS } from '../../src/dashboard/history/store.js';
import { revisionOf, rowOf } from '../../src/pipelines/access-logs/book-row.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const open = useWorkbench('dashboard-history');

const never = new AbortController().signal;

/** A keeper as another dashboard has one, with the turn to write. */
async function keeperOf({ here, queues }: Workbench, backlog?: number): Promise<HistoryKeeper> {
  const prefix = here.settings['redis.key-prefix'];
  await queues.redis.del(`${prefix}:history-turn:access-logs`);
  const store = new HistoryStore(queues.redis, prefix, 'access-logs');
  return new HistoryKeeper({ pipeline: here.pipeline, store, backlog: () => backlog });
}

/** Seven records that were delivered so many minutes ago. */
async function deliveredAgo({ here, open: orders }: Workbench, minutes: number): Promise<void> {
  const { clickhouse, settings } = here.store;
  const updatedAtMs = Date.now() - minutes * MINUTE_MS;
  const orderedAt = new Date(updatedAtMs).toISOString();
  const rows = (await orders()).map((order) =>
    rowOf({ ...order, orderedAt }, 'delivered', revisionOf('delivered', 0, 7), 'test', {
      ...{ deliveredRecords: 7, updatedAtMs },
    }),
  );
  await clickhouse.insert(tablesOf(settings).workOrders, rows, { doing: 'date deliveries back' });
}

function recordsIn(keeper: HistoryKeeper): number {
  return keeper.history('day').points.reduce((sum, { records }) => sum + (records ?? 0), 0);
}

test('a history survives the dashboard, and is filled from the order book when Redis has lost it', async () => {
  const bench = await open();
  await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 7 });
  await bench.discover();
  await deliveredAgo(bench, 100);
  const first = await keeperOf(bench, 3);
  await first.read(never);
  expect(recordsIn(first)).toBe(7);
  expect(recordsIn(await keeperOf(bench))).toBe(0);
  const second = await keeperOf(bench);
  await second.read(never);
  expect(recordsIn(second)).toBe(7);
  const { redis } = bench.queues;
  await redis.del(...(await redis.keys(`${bench.here.settings['redis.key-prefix']}:history-*`)));
  const third = await keeperOf(bench);
  await third.read(never);
  expect(recordsIn(third)).toBe(7);
  expect(third.history('day').points.every(({ backlogRecords }) => backlogRecords === null)).toBe(true);
});

test('one dashboard writes at a time; the others read what it wrote', async () => {
  const bench = await open();
  const [first, second] = [await keeperOf(bench, 5), await keeperOf(bench, 6)];
  await first.read(never);
  await second.read(never);
  const { redis, here } = { ...bench.queues, here: bench.here };
  const backlogs = await redis.hvals(`${here.settings['redis.key-prefix']}:history-backlog:access-logs`);
  expect(new Set(backlogs)).toEqual(new Set(['5']));
});

test('what is older than a day and an hour is removed', async () => {
  const bench = await open();
  const { redis } = bench.queues;
  const key = `${bench.here.settings['redis.key-prefix']}:history-figures:access-logs`;
  await redis.hset(key, { '1': '[1,1,1,1,1]', '2': 'nonsense' });
  await (await keeperOf(bench)).read(never);
  expect(await redis.hmget(key, '1', '2')).toEqual([null, null]);
  expect(await redis.pttl(key)).toBeGreaterThan(0);
});
