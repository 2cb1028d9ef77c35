import { scaled, type Benchmark, type BenchmarkContext, type BenchmarkResult } from '../benchmark.js';
import { deliverDirectly } from '../contenders/direct.js';
import { deliverNaively, startNaive } from '../contenders/naive.js';
import { addRecords, mergeParts } from '../data/records.js';
import { makeTemplate } from '../data/template.js';
import { deliverOnce, start, type Delivery } from '../lab/delivery-round.js';
import { openSite, type Site } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { summarize } from '../statistics.js';
import { inTurns, type Contender } from '../turns.js';
import { cpuPerRecord, deliveryFigures, figure, rates, ratio } from './figures.js';

const BUCKETS = 100;
const RECORDS = 2_000_000;

/** A process that lives through all rounds. */
interface Service {
  readonly stop: () => Promise<void>;
}

type Name = 'log-courier' | 'direct' | 'naive';

/** `deliver` and `courier-cpu`: how fast what waits is delivered, and what that costs log-courier itself. */
export const deliver: Benchmark = {
  names: ['deliver', 'courier-cpu'],
  run: async (context, asked) => {
    const sink = await startSink();
    const site = await openSite(context.lab, sink, 'bench_deliver');
    const services: Service[] = [];
    try {
      const { clickhouse, tables } = site;
      // A smoke test has fewer buckets, since each costs some statements.
      const buckets = scaled(BUCKETS, Math.min(1, context.scale * 10), 4);
      const perBucket = scaled(RECORDS / buckets, context.scale);
      const records = buckets * perBucket;
      context.say(`making ${records} records`);
      const template = await makeTemplate(clickhouse, tables, records);
      await addRecords(site, template, { buckets, perBucket, ageSeconds: 7200, spanSeconds: 900 });
      await mergeParts(site);
      const contenders = contendersOf(site, records, buckets, asked.includes('deliver'), services);
      const measured = await inTurns(context.rounds, contenders, (round, name) => {
        context.say(`round ${round}: ${name}`);
      });
      checkSameBytes(measured);
      return asked.map((name) =>
        name === 'deliver' ? deliverResult(context, site, measured) : cpuResult(context, site, measured),
      );
    } finally {
      for (const service of services) await service.stop();
      await site.close();
      await sink.stop();
    }
  },
};

function contendersOf(
  site: Site,
  records: number,
  buckets: number,
  all: boolean,
  services: Service[],
): ReadonlyMap<Name, Contender<Delivery>> {
  const contenders = new Map<Name, Contender<Delivery>>();
  const courier = start(site, 'processors', 0);
  services.push(courier);
  contenders.set('log-courier', () => deliverOnce(site, { records, running: [courier] }));
  if (!all) return contenders;
  const naive = startNaive();
  services.push(naive);
  contenders.set('direct', () => deliverDirectly(site, records, buckets));
  contenders.set('naive', () => deliverNaively(naive, site, records, buckets));
  return contenders;
}

/** Whoever writes other bytes than the others has not done the same work. */
function checkSameBytes(measured: ReadonlyMap<Name, readonly Delivery[]>): void {
  const bytes = [...measured].flatMap(([name, deliveries]) =>
    deliveries.map((one) => [name, one.bytes] as const),
  );
  if (new Set(bytes.map(([, count]) => count)).size > 1)
    throw new Error(`the contenders wrote different numbers of bytes: ${JSON.stringify(bytes)}`);
}

type Measured = ReadonlyMap<Name, readonly Delivery[]>;

function dataOf(measured: Measured): BenchmarkResult['data'] {
  const [one] = measured.get('log-courier') ?? [];
  const { records = 0, bytes = 0, objects = 0 } = one ?? {};
  return { records, objects, 'bytes a record': bytes / records };
}

function deliverResult(context: BenchmarkContext, site: Site, measured: Measured): BenchmarkResult {
  const ratesOf = (name: Name): readonly number[] => rates(measured.get(name) ?? []);
  const courier = ratesOf('log-courier');
  return {
    benchmark: 'deliver',
    method:
      'Each contender writes the same records, one object for each bucket, into the same sink. log-courier: one ' +
      'process `run --roles processors` with default settings; the clock runs from the moment when all orders are in ' +
      'the queue and the process waits, until all are delivered and committed. It lives through all rounds, as a ' +
      'service does, and so does the process of naive; in the first round Node.js still compiles their code. ' +
      'direct: INSERT INTO FUNCTION s3(…) in ClickHouse. naive: JSONEachRow, formatted in Node.js, PutObject. Each works at 10 buckets at a time.',
    rounds: context.rounds,
    scale: context.scale,
    settings: site.changed,
    data: dataOf(measured),
    headlines: [
      ratio('log-courier to direct', courier, ratesOf('direct'), { atLeast: 0.8 }),
      ratio('log-courier to naive', courier, ratesOf('naive'), { atLeast: 5 }),
    ],
    figures: [...measured].flatMap(([name, deliveries]) => deliveryFigures(name, deliveries)),
  };
}

function cpuResult(context: BenchmarkContext, site: Site, measured: Measured): BenchmarkResult {
  const values = cpuPerRecord(measured.get('log-courier') ?? [], 'contender');
  const { median, min, max } = summarize(values);
  return {
    benchmark: 'courier-cpu',
    method:
      'User and system CPU time of the log-courier process alone, between the ends of the clock of `deliver`, ' +
      'divided by the records delivered. The process lives through all rounds, as a service does; in the first one ' +
      'Node.js still compiles its code.',
    rounds: context.rounds,
    scale: context.scale,
    settings: site.changed,
    data: dataOf(measured),
    headlines: [
      {
        what: 'CPU of log-courier',
        value: median,
        unit: 'µs/record',
        range: [min, max],
        goal: { atMost: 2.5 },
      },
    ],
    figures: [figure('log-courier', 'CPU of its own', 'µs/record', values)],
  };
}
