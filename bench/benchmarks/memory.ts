import { scaled, type Benchmark } from '../benchmark.js';
import { addRecords, mergeParts } from '../data/records.js';
import { makeTemplate } from '../data/template.js';
import { deliverOnce } from '../lab/delivery-round.js';
import { openSite, type Site } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { median, summarize } from '../statistics.js';
import { inTurns } from '../turns.js';
import { figure, rates } from './figures.js';

/** As many as log-courier has workers: each of them has one of the largest objects at the same time. */
const BUCKETS = 10;
const RECORDS_A_BUCKET = 1_000_000;
const OBJECT_RECORDS = [1000, 100_000, 1_000_000] as const;
const MEGABYTE = 1e6;

/** Ten sorts of a million records at a time take ClickHouse longer to begin with its answer than is usual. */
const PATIENCE = {
  LOG_COURIER_CLICKHOUSE_TIMEOUT_SECONDS: '600',
  LOG_COURIER_TIMEOUT_UPLOAD_OPERATION_SECONDS: '1800',
} as const;

/** `memory`: the same records in small, in large and in very large objects. */
export const memory: Benchmark = {
  names: ['memory'],
  run: async ({ lab, rounds, scale, say }) => {
    const sink = await startSink();
    const sites = new Map<string, Site>();
    try {
      const perBucket = scaled(RECORDS_A_BUCKET, scale, 1000);
      const records = BUCKETS * perBucket;
      for (const size of OBJECT_RECORDS) {
        const most = String(scaled(size, scale, 100));
        const settings = { ...PATIENCE, LOG_COURIER_CONSUMER_MAX_LOGS_PER_BUCKET: most };
        sites.set(`objects of ${most} records`, await openSite(lab, sink, 'bench_memory', settings));
      }
      const [site] = sites.values();
      if (site === undefined) return [];
      say(`making ${records} records`);
      const template = await makeTemplate(site.clickhouse, site.tables, records);
      await addRecords(site, template, { buckets: BUCKETS, perBucket, ageSeconds: 7200, spanSeconds: 900 });
      await mergeParts(site);
      const contenders = new Map(
        [...sites].map(([name, one]) => [name, () => deliverOnce(one, { records })]),
      );
      const measured = await inTurns(rounds, contenders, (round, name) => {
        say(`round ${round}: ${name}`);
      });
      const peaks = [...measured].map(([name, deliveries]) => ({
        name,
        values: deliveries.map(({ peakBytes }) => peakBytes / MEGABYTE),
      }));
      const medians = peaks.map(({ values }) => median(values));
      const all = summarize(peaks.flatMap(({ values }) => values));
      return [
        {
          benchmark: 'memory',
          method:
            'Peak of resident memory (VmHWM) of one process `run --roles processors` with 10 workers, from its start ' +
            'until everything is delivered. The same records each time, in objects of different size.',
          rounds,
          scale,
          settings: { ...site.changed, 'consumer.max-logs-per-bucket': 'the size of the objects' },
          data: { records, buckets: BUCKETS },
          headlines: [
            { what: 'largest peak', value: all.max, unit: 'MB', goal: { atMost: 350 } },
            {
              what: 'largest to smallest peak, of the medians',
              value: Math.max(...medians) / Math.min(...medians),
              unit: '',
              goal: { atMost: 1.3 },
            },
          ],
          figures: [...measured].flatMap(([name, deliveries], index) => [
            figure(name, 'peak of memory', 'MB', peaks[index]?.values ?? []),
            figure(name, 'rate', 'records/s', rates(deliveries)),
          ]),
        },
      ];
    } finally {
      for (const one of sites.values()) await one.close();
      await sink.stop();
    }
  },
};
