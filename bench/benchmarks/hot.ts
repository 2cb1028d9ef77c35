import { scaled, type Benchmark } from '../benchmark.js';
import { addRecords, mergeParts } from '../data/records.js';
import { makeTemplate } from '../data/template.js';
import { deliverOnce } from '../lab/delivery-round.js';
import { openSite, type Site } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { inTurns } from '../turns.js';
import { deliveryFigures, rates, ratio } from './figures.js';

const RECORDS = 2_000_000;

const CASES = [
  { name: 'one bucket', database: 'bench_hot', buckets: 1 },
  { name: '100 buckets', database: 'bench_even', buckets: 100 },
] as const;

/** `hot`: all that waits is of one bucket. */
export const hot: Benchmark = {
  names: ['hot'],
  run: async ({ lab, rounds, scale, say }) => {
    const sink = await startSink();
    const sites = new Map<string, Site>();
    try {
      const records = scaled(RECORDS / 100, scale) * 100;
      for (const { name, database, buckets } of CASES) {
        say(`making ${records} records of ${name}`);
        const site = await openSite(lab, sink, database);
        sites.set(name, site);
        const template = await makeTemplate(site.clickhouse, site.tables, records);
        const perBucket = records / buckets;
        await addRecords(site, template, { buckets, perBucket, ageSeconds: 7200, spanSeconds: 900 });
        await mergeParts(site);
      }
      const contenders = new Map(
        [...sites].map(([name, site]) => [name, () => deliverOnce(site, { records })]),
      );
      const measured = await inTurns(rounds, contenders, (round, name) => {
        say(`round ${round}: ${name}`);
      });
      const ratesOf = (name: string): readonly number[] => rates(measured.get(name) ?? []);
      const objects = measured.get('one bucket')?.[0]?.objects ?? 0;
      return [
        {
          benchmark: 'hot',
          method:
            'The same number of records in one bucket and in 100, in turns; the clock of `deliver`. One new process ' +
            '`run --roles processors` with default settings.',
          rounds,
          scale,
          settings: {},
          data: { records, 'orders of the one bucket': objects },
          headlines: [
            ratio('one bucket to 100 buckets', ratesOf('one bucket'), ratesOf('100 buckets'), {
              atLeast: 0.7,
            }),
          ],
          figures: [...measured].flatMap(([name, deliveries]) => deliveryFigures(name, deliveries)),
        },
      ];
    } finally {
      for (const site of sites.values()) await site.close();
      await sink.stop();
    }
  },
};
