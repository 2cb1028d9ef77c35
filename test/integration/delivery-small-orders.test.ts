import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';

import { startEngines, type Engines } from '../../src/embedded/engines.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { DeliveryContext, Pipeline, Receipt } from '../../src/pipelines/pipeline.js';
import { startDeliveryWorker } from '../../src/processors/delivery.js';
import { enqueue, jobIdOf } from '../../src/queues/delivery.js';
import { orderBetween } from '../support/orders.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { openWorkbench, type Workbench } from '../support/workbench.js';

const LARGE = 3;
const SMALL = 5;
const EMPTY: Receipt = { objects: [], records: 0, bytes: 0, earlier: [] };

let dir: string;
let engines: Engines;
let tests = 0;
let bench: Workbench;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-small-'));
  engines = await startEngines({ dir });
});

afterAll(async () => {
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  bench = await openWorkbench(engines, `small_${String(tests)}`, {
    LOG_COURIER_CONSUMER_NUM_WORKERS: String(LARGE),
    LOG_COURIER_CONSUMER_SMALL_ORDERS_IN_FLIGHT: String(SMALL),
  });
});

afterEach(async () => {
  await bench.close();
});

/** Orders, small and large ones as the pattern says; with equal priority, in their order. */
function ordersOf(pattern: readonly ('small' | 'large')[]): AccessLogOrder[] {
  return pattern.map((size, n) => ({
    ...orderBetween(n, n + 1, `bucket-${String(n)}`),
    records: size === 'small' ? 10 : 100_000,
  }));
}

/** A worker whose deliveries do what the test says. */
async function startWorker(
  orders: readonly AccessLogOrder[],
  deliver: (order: AccessLogOrder, context: DeliveryContext) => Promise<void>,
): Promise<{ readonly ended: Promise<void> }> {
  const { here, delivery } = bench;
  const pipeline: Pipeline<AccessLogOrder> = {
    ...here.pipeline,
    deliver: async (order, context) => {
      await deliver(order, context);
      return EMPTY;
    },
    commit: () => Promise.resolve(),
  };
  const events = await openQueueEvents(here.settings, delivery.name);
  bench.atEnd(() => events.close());
  const ended = settled(events, orders.map(jobIdOf));
  await enqueue(delivery, pipeline, here.settings, orders);
  const worker = startDeliveryWorker({ ...here.store, pipeline });
  bench.atEnd(() => worker.close());
  return { ended };
}

/** Counts deliveries that are under way. */
class Counter {
  readonly now = { small: 0, large: 0 };
  readonly most = { small: 0, large: 0 };

  async during({ records }: AccessLogOrder, work: () => Promise<void>): Promise<void> {
    const size = records === 10 ? 'small' : 'large';
    this.now[size] += 1;
    this.most[size] = Math.max(this.most[size], this.now[size]);
    await work();
    this.now[size] -= 1;
  }
}

/** Takes as long as Redis takes to answer so many questions. */
async function aWhile(questions: number): Promise<void> {
  for (let left = questions; left > 0; left -= 1) await bench.delivery.getActiveCount();
}

test('a processor has never more large orders than its workers, and small ones beside them, however they come', async () => {
  const sizes = Array.from({ length: 120 }, (_, n) => (n * 7) % 10 < 3 || n % 40 > 30);
  const orders = ordersOf(sizes.map((isLarge) => (isLarge ? 'large' : 'small')));
  const counter = new Counter();
  const delivered: string[] = [];
  const { ended } = await startWorker(orders, (order) =>
    counter.during(order, async () => {
      await aWhile(1 + (delivered.length % 7));
      delivered.push(order.id);
    }),
  );
  await ended;
  expect(counter.most.large).toBeLessThanOrEqual(LARGE);
  expect(counter.most.small).toBeGreaterThan(LARGE);
  expect(counter.most.small).toBeLessThanOrEqual(LARGE + SMALL);
  expect([...delivered].sort()).toEqual(orders.map(({ id }) => id).sort());
});

test('a processor takes small orders until it has as many as it may, and the next when one has ended', async () => {
  const orders = ordersOf(Array.from({ length: 3 * (LARGE + SMALL) }, () => 'small' as const));
  const counter = new Counter();
  const held: (() => void)[] = [];
  let tellFull = (): void => undefined;
  const full = new Promise<void>((resolve) => (tellFull = resolve));
  let isHeld = true;
  const { ended } = await startWorker(orders, (order) =>
    counter.during(order, async () => {
      if (!isHeld) return;
      if (counter.now.small === LARGE + SMALL) tellFull();
      await new Promise<void>((resolve) => held.push(resolve));
    }),
  );
  await full;
  await aWhile(20);
  expect(counter.now.small).toBe(LARGE + SMALL);
  isHeld = false;
  for (const release of held) release();
  await ended;
  expect(counter.most.small).toBe(LARGE + SMALL);
});

test('the board is told of a small order once, with all of its steps', async () => {
  const orders = ordersOf(['small']);
  const [order] = orders;
  if (order === undefined) throw new Error('an order was expected');
  const { ended } = await startWorker(orders, (_, { report }) => {
    report('planned', 0);
    report('sent', 50);
    return Promise.resolve();
  });
  await ended;
  const { logs } = await bench.delivery.getJobLogs(jobIdOf(order));
  expect(logs).toHaveLength(1);
  expect(logs[0]?.split('\n').map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([
    'planned',
    'sent',
    'committed 0 records in 0 object(s)',
  ]);
});
