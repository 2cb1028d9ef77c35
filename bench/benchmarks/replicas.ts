import { scaled, type Benchmark } from '../benchmark.js';
import { addRecords, mergeParts } from '../data/records.js';
import { makeTemplate } from '../data/template.js';
import type { Courier } from '../lab/courier.js';
import { deliverOnce, start } from '../lab/delivery-round.js';
import type { Lab } from '../lab/lab.js';
import { openSite, type Site } from '../lab/site.js';
import { startSink, type SinkProcess } from '../lab/sink-process.js';
import { inTurns } from '../turns.js';
import { deliveryFigures, figure, rates, ratio } from './figures.js';

const BUCKETS = 1600;
const RECORDS_A_BUCKET = 100;
const LATENCY_MS = 50;
const PROCESSES = [1, 2, 4] as const;

/**
 * One object at a time, so that a process waits for S3 most of the time: on one machine the cores would else be what
 * all processes share, and adding processes adds no cores here. No more orders in flight than keep it busy: the rest
 * is for the others.
 */
const SETTINGS = {
  LOG_COURIER_CONSUMER_NUM_WORKERS: '1',
  LOG_COURIER_CONSUMER_SMALL_ORDERS_IN_FLIGHT: '120',
  S3_SMALL_OBJECTS_IN_FLIGHT: '1',
  LOG_COURIER_CONSUMER_MAX_BUCKETS_PER_DISCOVERY: '10000',
} as const;

/** So many processes, which live through all rounds and share a queue, and the deployment that they are of. */
interface Team {
  readonly site: Site;
  readonly running: readonly Courier[];
}

/** `replicas`: more processes, more speed, as long as S3's latency is what they wait for. */
export const replicas: Benchmark = {
  names: ['replicas'],
  run: async ({ lab, rounds, scale, say }) => {
    const sink = await startSink({ latencyMs: LATENCY_MS });
    const teams = new Map<(typeof PROCESSES)[number], Team>();
    try {
      for (const processes of PROCESSES) teams.set(processes, await openTeam(lab, sink, processes));
      const [one] = teams.values();
      if (one === undefined) return [];
      const buckets = scaled(BUCKETS, scale, 8);
      const records = buckets * RECORDS_A_BUCKET;
      say(`making ${records} records of ${buckets} buckets`);
      const template = await makeTemplate(one.site.clickhouse, one.site.tables, records);
      const data = { buckets, perBucket: RECORDS_A_BUCKET, ageSeconds: 7200, spanSeconds: 900 };
      await addRecords(one.site, template, data);
      await mergeParts(one.site);
      const contenders = new Map(
        [...teams].map(([processes, { site, running }]) => [
          processes,
          () => deliverOnce(site, { records, running }),
        ]),
      );
      const measured = await inTurns(rounds, contenders, (round, processes) => {
        say(`round ${round}: ${processes} process(es)`);
      });
      const ratesOf = (processes: (typeof PROCESSES)[number]): readonly number[] =>
        rates(measured.get(processes) ?? []);
      return [
        {
          benchmark: 'replicas',
          method:
            `Processes \`run --roles processors\`; S3 answers each request ${LATENCY_MS} ms late. The clock of ` +
            '`deliver`; the processes live through all rounds. One object at a time, ' +
            'so that latency, not the cores of this machine, is the limit.',
          rounds,
          scale,
          settings: { ...one.site.changed, 'redis.key-prefix': 'one for each number of processes' },
          data: { records, orders: buckets, 'latency in ms': LATENCY_MS },
          headlines: [
            ratio('2 processes to 1', ratesOf(2), ratesOf(1)),
            ratio('4 processes to 1', ratesOf(4), ratesOf(1), { atLeast: 3.5 }),
          ],
          figures: [...measured].flatMap(([processes, deliveries]) => [
            figure(
              `${processes} process(es)`,
              'orders',
              'orders/s',
              deliveries.map(({ objects, seconds }) => objects / seconds),
            ),
            ...deliveryFigures(`${processes} process(es)`, deliveries),
          ]),
        },
      ];
    } finally {
      for (const { site, running } of teams.values()) {
        await Promise.all(running.map((courier) => courier.stop()));
        await site.close();
      }
      await sink.stop();
    }
  },
};

async function openTeam(lab: Lab, sink: SinkProcess, processes: number): Promise<Team> {
  const site = await openSite(lab, sink, 'bench_replicas', {
    ...SETTINGS,
    LOG_COURIER_REDIS_KEY_PREFIX: `bench_replicas_${processes}`,
  });
  const running = Array.from({ length: processes }, (_, index) =>
    start(site, 'processors', 10 * processes + index),
  );
  return { site, running };
}
