import type { BenchmarkContext } from '../benchmark.js';
import { feed, type Fed, type Steady } from '../data/steady.js';
import { makeTemplate } from '../data/template.js';
import { meterOf, start, type Part } from './delivery-round.js';
import { countOrders } from './order-book.js';
import { peakBytes } from './process-cost.js';
import { whenAllDelivered } from './queue.js';
import type { Site } from './site.js';

/** What happened while records came in, and until the last of them was delivered. */
export interface SteadyRound {
  readonly fed: Fed;
  /** Work orders, all delivered. */
  readonly orders: number;
  /** From the first record that came in to the last delivery. */
  readonly seconds: number;
  /** CPU time, in seconds; that of ClickHouse takes in what inserting the records took it. */
  readonly cpu: ReadonlyMap<Part, number>;
  /** The most memory that each process has held. */
  readonly peakBytes: readonly number[];
}

/** Has records come in steadily while processes `run --roles discovery,processors` deliver them. */
export async function deliverSteadily(
  { say }: BenchmarkContext,
  site: Site,
  steady: Steady,
  processes = 1,
): Promise<SteadyRound> {
  const template = await makeTemplate(site.clickhouse, site.tables, 10 * steady.recordsPerSecond);
  const couriers = Array.from({ length: processes }, (_, index) =>
    start(site, 'discovery,processors', index),
  );
  try {
    await Promise.all(couriers.map(({ runs }) => runs));
    const failed = Promise.race(couriers.map((courier) => courier.failed));
    const pids = couriers.map(({ pid }) => pid);
    const meter = meterOf(site, pids);
    const began = performance.now();
    say(`${steady.recordsPerSecond} records a second for ${steady.seconds} s`);
    const feeding = feed(site, template, steady, (second) => {
      if (second % 60 === 0) say(`${second} s`);
    });
    const fed = await Promise.race([feeding, failed]);
    await whenAllDelivered(site, fed.records, couriers);
    const seconds = (performance.now() - began) / 1000;
    const cpu = meter.read();
    const { delivered } = await countOrders(site);
    return { fed, orders: delivered, seconds, cpu, peakBytes: pids.map(peakBytes) };
  } finally {
    await Promise.all(couriers.map((courier) => courier.stop()));
  }
}
