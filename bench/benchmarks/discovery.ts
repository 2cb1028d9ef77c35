import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import { scaled, type Benchmark, type BenchmarkContext, type Figure, type Headline } from '../benchmark.js';
import { addLightRecords, fail, hourlyOrders, settle } from '../data/retained.js';
import { rowsRead } from '../lab/rows-read.js';
import { startScript, type Script } from '../lab/script.js';
import { openSite, type Site } from '../lab/site.js';
import { startSink, type SinkProcess } from '../lab/sink-process.js';
import { median } from '../statistics.js';
import { inTurns } from '../turns.js';
import { cycleAnswer } from './discovery-cycle.js';
import { figure } from './figures.js';

const MILLION = 1_000_000;
const RETAINED = [1, 10, 50] as const;
const ARRIVING = 100_000;
const BUCKETS = 100;
const RETAINED_HOURS = 70;

/** Records are ready two seconds after they have come in. */
const SETTINGS = {
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '1',
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '1',
} as const;
const READY_AFTER_MS = 2500;

/** A deployment that has retained so many records, and a process that discovers there. */
interface Case {
  readonly name: string;
  readonly site: Site;
  readonly script: Script;
  /** An order of the first hour. */
  readonly first: AccessLogOrder;
}

interface Cycle {
  readonly ms: number;
  readonly rowsRead: number;
}

/** `discovery`: what a discovery costs, with more and more retained records, and with an order that is stuck. */
export const discovery: Benchmark = {
  names: ['discovery'],
  run: async (context) => {
    const { rounds, scale } = context;
    const sink = await startSink();
    const cases: Case[] = [];
    try {
      for (const millions of RETAINED) cases.push(await prepare(context, sink, millions));
      const stuck = await measure(context, cases, 'one order stuck');
      for (const { site, first } of cases) await settle(site, [first]);
      const settled = await measure(context, cases, 'all settled');
      return [
        {
          benchmark: 'discovery',
          method:
            'One discovery as the service runs it, in a process that has run one before: the retained records are ' +
            'delivered, and each time the same number of new ones has come in, which it orders and enqueues. First ' +
            'with one order failed since the first of the retained hours, then with all orders delivered.',
          rounds,
          scale,
          settings: cases[0]?.site.changed ?? {},
          data: { 'undelivered records': scaled(ARRIVING, scale, BUCKETS), buckets: BUCKETS },
          headlines: [
            slowestToFastest('slowest to fastest, all settled', [settled]),
            slowestToFastest('slowest to fastest, with and without a stuck order', [settled, stuck]),
          ],
          figures: [...figuresOf(settled, ''), ...figuresOf(stuck, ', one stuck')],
        },
      ];
    } finally {
      for (const { script, site } of cases) {
        await script.stop();
        await site.close();
      }
      await sink.stop();
    }
  },
};

async function prepare(
  { lab, scale, say }: BenchmarkContext,
  sink: SinkProcess,
  millions: number,
): Promise<Case> {
  const site = await openSite(lab, sink, `bench_discovery_${millions}m`, SETTINGS);
  const count = scaled(millions * MILLION, scale, BUCKETS * RETAINED_HOURS);
  say(`making ${count} retained records`);
  const spanSeconds = RETAINED_HOURS * 3600;
  const beginSeconds = Math.floor(Date.now() / 3_600_000) * 3600 - spanSeconds;
  await addLightRecords(site, { count, buckets: BUCKETS, beginSeconds, spanSeconds });
  const orders = await hourlyOrders(site);
  const [first] = orders;
  if (first === undefined) throw new Error('there are no retained records');
  await fail(site, first);
  await settle(site, orders.slice(1));
  const script = startScript('../benchmarks/discovery-main.ts', [], site.environment);
  await script.next(z.object({ ready: z.literal(true) }));
  return { name: `${millions} million retained`, site, script, first };
}

type Measured = ReadonlyMap<string, readonly Cycle[]>;

/** The first cycle of each process is not counted. */
async function measure(context: BenchmarkContext, cases: readonly Case[], what: string): Promise<Measured> {
  const contenders = new Map(cases.map((one) => [one.name, () => discoverOnce(context, one)]));
  const tell = (round: number, name: string): void => {
    context.say(`${what}, ${round === 0 ? 'warm-up' : `round ${round}`}: ${name}`);
  };
  await inTurns(1, contenders, (_, name) => {
    tell(0, name);
  });
  return inTurns(context.rounds, contenders, tell);
}

/** Has records come in, discovers them, and settles their orders. */
async function discoverOnce({ scale }: BenchmarkContext, { site, script }: Case): Promise<Cycle> {
  const count = scaled(ARRIVING, scale, BUCKETS);
  const arrivedAt = Date.now();
  const beginSeconds = Math.floor(arrivedAt / 1000);
  await addLightRecords(site, { count, buckets: BUCKETS, beginSeconds, spanSeconds: 1 });
  await sleep(Math.max(0, arrivedAt + READY_AFTER_MS - Date.now()));
  const before = await rowsRead(site.clickhouse);
  const next = script.next(cycleAnswer);
  script.send({ cycle: true });
  const { ms, orders, records } = await next;
  const read = (await rowsRead(site.clickhouse)) - before;
  if (orders !== BUCKETS || records !== count)
    throw new Error(`${count} records were to be ordered, but ${records} were, in ${orders} orders`);
  await settleOpen(site);
  return { ms, rowsRead: read };
}

/** As if processors had delivered at once what was ordered. */
async function settleOpen(site: Site): Promise<void> {
  const book = new OrderBook(site.clickhouse, site.tables);
  await settle(site, await book.open({ shard: 0, shards: 1 }));
  await site.queue.drain();
}

function slowestToFastest(what: string, measured: readonly Measured[]): Headline {
  const medians = measured.flatMap((cases) =>
    [...cases.values()].map((cycles) => median(cycles.map(({ ms }) => ms))),
  );
  return { what, value: Math.max(...medians) / Math.min(...medians), unit: '', goal: { atMost: 1.5 } };
}

function figuresOf(measured: Measured, suffix: string): readonly Figure[] {
  return [...measured].flatMap(([name, cycles]) => [
    figure(
      `${name}${suffix}`,
      'one discovery',
      'ms',
      cycles.map(({ ms }) => ms),
    ),
    figure(
      `${name}${suffix}`,
      'rows read by ClickHouse',
      'rows',
      cycles.map((cycle) => cycle.rowsRead),
    ),
  ]);
}
