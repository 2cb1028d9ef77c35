import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { tablesOf } from '../../clickhouse/tables.js';
import { createMissingBuckets } from '../../destinations/s3/buckets.js';
import { readableBody } from '../../destinations/s3/read.js';
import { startEngines } from '../../embedded/engines.js';
import { generateRecords } from '../../pipelines/access-logs/generate/generate.js';
import { planGeneration } from '../../pipelines/access-logs/generate/plan.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import type { Demo } from './demo.js';

const SOURCE_BUCKETS = 50;
const TARGET_BUCKETS = 5;
const SEED = 1;
/** The generated records are an hour old, so that all of them are ready at once. */
const AGE_SECONDS = 3600;
/** What goes on coming in: so many records every so many seconds. */
const MORE_RECORDS = 300;
const MORE_SECONDS = 2;

/** Access logs of 50 source buckets, into 5 target buckets. */
export const accessLogsDemo: Demo = {
  shows: 'S3 access logs from ClickHouse into target buckets',
  record: { one: 'record', many: 'records' },
  defaultRows: 200_000,
  engineNames: 'Redis, ClickHouse and S3',
  settings: { LOG_COURIER_CONSUMER_MAX_LOGS_PER_BUCKET: '10000' },
  startEngines: async ({ dir, signal }) => {
    const { environment, s3Directory, stop } = await startEngines({ dir: join(dir, 'engines'), signal });
    return { environment, places: [{ what: 'Log objects', where: s3Directory }], stop };
  },
  generate: async ({ context, store: { clickhouse, s3, settings }, rows }) => {
    const plan = {
      rows,
      seed: SEED,
      sourceBuckets: SOURCE_BUCKETS,
      targetBuckets: TARGET_BUCKETS,
      ageSeconds: AGE_SECONDS,
    };
    await createMissingBuckets(s3, planGeneration(plan).targetBuckets);
    const progress = startProgress(context.stderr, rows, 'records', 'generating  ');
    await generateRecords(clickhouse, tablesOf(settings), {
      ...plan,
      rowsPerInsert: 20_000,
      signal: context.stop,
      onProgress: progress.update,
    });
    progress.stop();
    return `Generated ${formatCount(rows)} records in ${String(SOURCE_BUCKETS)} source buckets.`;
  },
  sample: ({ store }) => {
    const { targetBuckets } = planGeneration({ rows: 1, seed: SEED, targetBuckets: TARGET_BUCKETS });
    return firstLines(store.s3, targetBuckets);
  },
  more: {
    records: MORE_RECORDS,
    everySeconds: MORE_SECONDS,
    make: async ({ context, store: { clickhouse, settings } }, round) => {
      await generateRecords(clickhouse, tablesOf(settings), {
        rows: MORE_RECORDS,
        seed: SEED + round,
        sourceBuckets: SOURCE_BUCKETS,
        targetBuckets: TARGET_BUCKETS,
        spanSeconds: MORE_SECONDS,
        signal: context.stop,
      });
    },
  },
};

/** Name and first two lines of one log object. */
async function firstLines(s3: S3Client, buckets: readonly string[]): Promise<readonly string[]> {
  for (const Bucket of buckets) {
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }));
    const Key = Contents?.[0]?.Key;
    if (Key === undefined) continue;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const lines: string[] = [];
    for await (const line of createInterface({ input: readableBody(Body) })) {
      lines.push(line);
      if (lines.length === 2) break;
    }
    return [`The first lines of s3://${Bucket}/${Key}:`, ...lines];
  }
  return ['No log object was found.'];
}
