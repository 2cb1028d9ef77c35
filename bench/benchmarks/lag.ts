import { scaled, type Benchmark, type Figure, type Headline } from '../benchmark.js';
import { openSite } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { deliverSteadily } from '../lab/steady-round.js';
import { figure } from './figures.js';
import { readLags, type Lag } from './lag-sql.js';

const BUCKETS = 500;
const RECORDS_PER_SECOND_A_BUCKET = 40;
const SECONDS = 300;
const LEAST_SECONDS = 10;

const SETTINGS = {
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '15',
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '2',
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '1',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '1',
  LOG_COURIER_CONSUMER_MAX_BUCKETS_PER_DISCOVERY: '1000',
} as const;

const QUANTILES = ['p50', 'p95', 'p99', 'largest'] as const;

/** `lag`: how long a record waits for its delivery while records come in steadily. One run is five minutes. */
export const lag: Benchmark = {
  names: ['lag'],
  run: async (context) => {
    const { lab, scale } = context;
    const sink = await startSink();
    const site = await openSite(lab, sink, 'bench_lag', SETTINGS);
    try {
      const buckets = scaled(BUCKETS, scale, 2);
      const recordsPerSecond = buckets * RECORDS_PER_SECOND_A_BUCKET;
      const seconds = scaled(SECONDS, Math.min(1, scale), LEAST_SECONDS);
      const steady = { recordsPerSecond, buckets, seconds };
      const { fed } = await deliverSteadily(context, site, steady);
      const lags = await readLags(site);
      return [
        {
          benchmark: 'lag',
          method:
            'The records of each second are inserted as one block when the second begins, while one process ' +
            '`run --roles discovery,processors` delivers. The time of a record runs from when it can be delivered by ' +
            'the settings (it is older than the processing delay, and the oldest one of its order older than the ' +
            'time threshold) until its order is delivered in the order book; by the minute in which it came in.',
          rounds: 1,
          scale,
          settings: site.changed,
          data: {
            'records a second': recordsPerSecond,
            buckets,
            seconds,
            records: fed.records,
            'slowest insert in ms': fed.slowestMs,
          },
          headlines: [...overall(lags), growth(lags)],
          figures: lags.flatMap(lagFigures),
        },
      ];
    } finally {
      await site.close();
      await sink.stop();
    }
  },
};

/** The quantiles of all records together. */
export function overall(lags: readonly Lag[]): readonly Headline[] {
  const all = lags.find(({ minute }) => minute === -1);
  return QUANTILES.slice(0, 3).map((what, index) => ({
    what: `${what} of the time until delivery`,
    value: (all?.afterEligible[index] ?? Number.NaN) / 1000,
    unit: 's',
  }));
}

/** The last minute to the first: more than the spread of the others would be a backlog that grows. */
function growth(lags: readonly Lag[]): Headline {
  const minutes = lags.filter(({ minute }) => minute >= 0);
  const p95 = (one: Lag | undefined): number => one?.afterEligible[1] ?? Number.NaN;
  return {
    what: 'p95 of the last minute to the first',
    value: p95(minutes.at(-1)) / p95(minutes[0]),
    unit: '',
  };
}

function lagFigures({ minute, afterEligible, afterInsertion }: Lag): readonly Figure[] {
  const of = minute === -1 ? 'all minutes' : `minute ${minute + 1}`;
  const told = (what: string, values: readonly number[]): readonly Figure[] =>
    QUANTILES.map((quantile, index) =>
      figure(of, `${quantile} ${what}`, 's', [(values[index] ?? Number.NaN) / 1000]),
    );
  return [
    ...told('from eligible to delivered', afterEligible),
    ...told('from inserted to delivered', afterInsertion),
  ];
}
