import { z } from 'zod';
import { scaled, type Benchmark } from '../benchmark.js';
import { addRecords, mergeParts } from '../data/records.js';
import { makeTemplate } from '../data/template.js';
import { meterOf, start, type Delivery } from '../lab/delivery-round.js';
import type { Courier } from '../lab/courier.js';
import { checkDelivered } from '../lab/order-book.js';
import { cpuSeconds, peakBytes } from '../lab/process-cost.js';
import { whenEmpty, whenInSink } from '../lab/queue.js';
import { forgetOrders, openSite, type Site } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { summarize } from '../statistics.js';
import { cpuPerRecord, figure } from './figures.js';

const BUCKETS = 10_000;
const RECORDS_A_BUCKET = 20;

/** All buckets are found by one discovery. */
const SETTINGS = { LOG_COURIER_CONSUMER_MAX_BUCKETS_PER_DISCOVERY: '10000' } as const;

interface Round extends Delivery {
  readonly startSeconds: number;
  readonly discoverySeconds: number;
}

/** `small`: many buckets with few records each. */
export const small: Benchmark = {
  names: ['small'],
  run: async ({ lab, rounds, scale, say }) => {
    const sink = await startSink();
    const site = await openSite(lab, sink, 'bench_small', SETTINGS);
    try {
      const buckets = scaled(BUCKETS, scale);
      const records = buckets * RECORDS_A_BUCKET;
      say(`making ${records} records of ${buckets} buckets`);
      const template = await makeTemplate(site.clickhouse, site.tables, records);
      await addRecords(site, template, {
        buckets,
        perBucket: RECORDS_A_BUCKET,
        ageSeconds: 7200,
        spanSeconds: 900,
      });
      await mergeParts(site);
      const measured: Round[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        say(`round ${round}`);
        measured.push(await fromStartToEnd(site, buckets, records));
      }
      const ordersPerSecond = measured.map(({ objects, seconds }) => objects / seconds);
      const { median, min, max } = summarize(ordersPerSecond);
      const figures = {
        'orders, all in': figure('log-courier', 'orders, all in', 'orders/s', ordersPerSecond),
        start: figure(
          'log-courier',
          'start of the process',
          's',
          measured.map((one) => one.startSeconds),
        ),
        discovery: figure(
          'log-courier',
          'discovery',
          's',
          measured.map((one) => one.discoverySeconds),
        ),
        delivery: figure('log-courier', 'delivery after it', 's', measured.map(deliverySeconds)),
        deliveryRate: figure(
          'log-courier',
          'orders, delivery alone',
          'orders/s',
          measured.map((one) => one.objects / deliverySeconds(one)),
        ),
      };
      const cpu = (['contender', 'clickhouse', 'redis', 'sink'] as const).map((part) =>
        figure(
          'log-courier',
          part === 'contender' ? 'CPU of its own' : `CPU of ${part}`,
          'ms/order',
          cpuPerRecord(measured, part).map((value) => (value * RECORDS_A_BUCKET) / 1000),
        ),
      );
      return [
        {
          benchmark: 'small',
          method:
            'One process `run --roles discovery,processors` finds, orders and delivers everything. The clock runs ' +
            'from the start of the process until the last order is delivered and committed.',
          rounds,
          scale,
          settings: site.changed,
          data: { buckets, records },
          headlines: [
            {
              what: 'orders, all in',
              value: median,
              unit: 'orders/s',
              range: [min, max],
              goal: { atLeast: 300 },
            },
          ],
          figures: [...Object.values(figures), ...cpu],
        },
      ];
    } finally {
      await site.close();
      await sink.stop();
    }
  },
};

function deliverySeconds({ seconds, startSeconds, discoverySeconds }: Round): number {
  return seconds - startSeconds - discoverySeconds;
}

async function fromStartToEnd(site: Site, buckets: number, records: number): Promise<Round> {
  await forgetOrders(site);
  const meter = meterOf(site, []);
  const courier = start(site, 'discovery,processors', 0);
  try {
    await whenInSink(site, buckets, courier);
    await whenEmpty(site, [courier]);
    const seconds = (Date.now() - courier.startedAt) / 1000;
    // The process is younger than the meter: all that it has had is its own.
    const cpu = new Map([...meter.read(), ['contender', cpuSeconds(courier.pid)] as const]);
    const peak = peakBytes(courier.pid);
    await checkDelivered(site, records);
    const { bytes, objects } = await site.sink.stats();
    return { ...(await phasesOf(courier)), seconds, records, bytes, objects, cpu, peakBytes: peak };
  } finally {
    await courier.stop();
  }
}

const discoveryLine = z.looseObject({
  msg: z.literal('discovery'),
  time: z.string(),
  orders: z.int().positive(),
});

/** When the process ran, and when its last discovery that made orders had ended, as its log says. */
async function phasesOf(courier: Courier): Promise<Pick<Round, 'startSeconds' | 'discoverySeconds'>> {
  const log = await courier.log();
  const runs = log.find(({ msg }) => msg === 'log-courier runs');
  const discovered = log.findLast((line) => discoveryLine.safeParse(line).success);
  if (runs === undefined || discovered === undefined) throw new Error('the log tells of no discovery');
  const [runsAt, discoveredAt] = [Date.parse(runs.time), Date.parse(discovered.time)];
  return {
    startSeconds: (runsAt - courier.startedAt) / 1000,
    discoverySeconds: (discoveredAt - runsAt) / 1000,
  };
}
