import { join } from 'node:path';
import { startCourier, type Courier } from './courier.js';
import { checkDelivered } from './order-book.js';
import { CpuMeter, peakBytes } from './process-cost.js';
import { whenEmpty, whenQueued } from './queue.js';
import { forgetOrders, type Site } from './site.js';

/** Processes whose CPU time is told apart. */
export const PARTS = ['contender', 'clickhouse', 'redis', 'sink'] as const;

/** See {@link PARTS}. */
export type Part = (typeof PARTS)[number];

/** What delivering some records took. */
export interface Delivery {
  readonly seconds: number;
  readonly records: number;
  /** What the sink got. */
  readonly bytes: number;
  readonly objects: number;
  /** CPU time, in seconds. */
  readonly cpu: ReadonlyMap<Part, number>;
  /** The most memory that any process of the contender had held until then; 0 when nobody looked. */
  readonly peakBytes: number;
}

/** How log-courier delivers. */
export interface RoundOptions {
  /** All records of the deployment, none of which is ordered yet. */
  readonly records: number;
  /** Processes that deliver. @defaultValue 1 */
  readonly processes?: number;
  /** Processes that deliver and go on afterwards, instead of new ones. */
  readonly running?: readonly Courier[];
}

/**
 * Has log-courier deliver everything. The clock runs from the moment when the processes wait and all orders are in the
 * queue, to the one when the last order is delivered and committed.
 */
export async function deliverOnce(
  site: Site,
  { records, processes = 1, running }: RoundOptions,
): Promise<Delivery> {
  await forgetOrders(site);
  await site.queue.pause();
  await orderAll(site, records);
  const couriers =
    running ?? Array.from({ length: processes }, (_, index) => start(site, 'processors', index));
  try {
    await Promise.all(couriers.map(({ runs }) => runs));
    const meter = meterOf(
      site,
      couriers.map(({ pid }) => pid),
    );
    const began = performance.now();
    await site.queue.resume();
    await whenEmpty(site, couriers);
    const seconds = (performance.now() - began) / 1000;
    const cpu = meter.read();
    const peaks = couriers.map(({ pid }) => peakBytes(pid));
    await checkDelivered(site, records);
    const { bytes, objects } = await site.sink.stats();
    return { seconds, records, bytes, objects, cpu, peakBytes: Math.max(...peaks) };
  } finally {
    if (running === undefined) await Promise.all(couriers.map((courier) => courier.stop()));
  }
}

/** A meter of all the parts. */
export function meterOf({ lab, sink }: Site, contender: readonly number[]): CpuMeter<Part> {
  return new CpuMeter<Part>(
    new Map([
      ['contender', contender],
      ['clickhouse', [lab.clickhouse.pid]],
      ['redis', [lab.redis.pid]],
      ['sink', [sink.pid]],
    ]),
  );
}

/** Has discovery order everything; it has ended when this resolves. */
async function orderAll(site: Site, records: number): Promise<void> {
  const discovery = start(site, 'discovery', 0);
  try {
    await whenQueued(site, records, discovery);
  } finally {
    await discovery.stop();
  }
}

/** Starts a process of a deployment. */
export function start({ environment, lab, tables }: Site, roles: string, index: number): Courier {
  const name = `${tables.database}-${roles.replaceAll(',', '-')}-${index}.log`;
  return startCourier({ roles, environment, logFile: join(lab.logs, name) });
}
