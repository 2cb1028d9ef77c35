import { scaled, type Benchmark, type Figure } from '../benchmark.js';
import { PARTS } from '../lab/delivery-round.js';
import { openSite } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { deliverSteadily, type SteadyRound } from '../lab/steady-round.js';
import { figure } from './figures.js';
import { overall } from './lag.js';
import { readLags } from './lag-sql.js';

const PROCESSES = 8;
const BUCKETS = 10_000;
const RECORDS_PER_SECOND = 4000;
const SECONDS = 240;
const LEAST_SECONDS = 10;

/** Each bucket has an order a minute. */
const SETTINGS = {
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '60',
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '5',
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '5',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '5',
  LOG_COURIER_CONSUMER_MAX_BUCKETS_PER_DISCOVERY: '10000',
} as const;

/** `fleet`: many processes and many buckets, whose costs docs/capacity.md foretells. */
export const fleet: Benchmark = {
  names: ['fleet'],
  run: async (context) => {
    const { lab, scale } = context;
    const sink = await startSink();
    const site = await openSite(lab, sink, 'bench_fleet', SETTINGS);
    try {
      const buckets = scaled(BUCKETS, scale, 8);
      const recordsPerSecond = scaled(RECORDS_PER_SECOND, scale, 8);
      const seconds = scaled(SECONDS, Math.min(1, scale), LEAST_SECONDS);
      const round = await deliverSteadily(context, site, { recordsPerSecond, buckets, seconds }, PROCESSES);
      const { fed, orders } = round;
      return [
        {
          benchmark: 'fleet',
          method:
            `${PROCESSES} processes \`run --roles discovery,processors\`; the records of each second are inserted as ` +
            'one block when it begins. The clock runs from the first second until all is delivered. The CPU time of ' +
            'ClickHouse takes in what inserting the records took.',
          rounds: 1,
          scale,
          settings: site.changed,
          data: {
            processes: PROCESSES,
            buckets,
            'records a second': recordsPerSecond,
            seconds,
            records: fed.records,
            orders,
          },
          headlines: [
            { what: 'orders delivered', value: orders / round.seconds, unit: 'orders/s' },
            ...overall(await readLags(site)),
          ],
          figures: figuresOf(round),
        },
      ];
    } finally {
      await site.close();
      await sink.stop();
    }
  },
};

function figuresOf({ cpu, orders, seconds, peakBytes }: SteadyRound): readonly Figure[] {
  return [
    ...PARTS.flatMap((part) => {
      const of = part === 'contender' ? 'log-courier' : part;
      const used = cpu.get(part) ?? 0;
      return [
        figure(of, 'CPU of all processes', 'cores', [used / seconds]),
        figure(of, 'CPU an order', 'ms/order', [(1000 * used) / orders]),
      ];
    }),
    figure(
      'log-courier',
      'peak of memory of a process',
      'MB',
      peakBytes.map((bytes) => bytes / 1e6),
    ),
  ];
}
