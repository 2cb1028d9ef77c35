import pLimit from 'p-limit';
import { ELIGIBLE_SQL } from '../../src/pipelines/access-logs/order.js';
import { logLineExpression } from '../../src/pipelines/access-logs/log-line-sql.js';
import { meterOf, type Delivery } from '../lab/delivery-round.js';
import type { Site } from '../lab/site.js';
import { taskOf, type Task } from './task.js';

/**
 * `direct`: ClickHouse writes the same lines into the same sink by itself, one statement for each bucket. Nothing is
 * counted, checked or written down: no way by which the same lines leave the same ClickHouse can be much faster.
 */
export async function deliverDirectly(site: Site, records: number, buckets: number): Promise<Delivery> {
  await site.sink.reset();
  const task = taskOf(site, buckets);
  const limit = pLimit(task.concurrency);
  const meter = meterOf(site, []);
  const began = performance.now();
  await limit.map(task.buckets, (bucket) =>
    site.clickhouse.command(insertSql(task, bucket), { doing: `write ${bucket.bucket} directly` }),
  );
  const seconds = (performance.now() - began) / 1000;
  const cpu = meter.read();
  const { bytes, objects } = await site.sink.stats();
  return { seconds, records, bytes, objects, cpu, peakBytes: 0 };
}

function insertSql(
  { logs, s3Url }: Task,
  { bucket, raftSession, targetBucket, key }: Task['buckets'][number],
): string {
  return `INSERT INTO FUNCTION s3('${s3Url}/${targetBucket}/${key}', 'bench', 'bench-bench-bench', 'TSVRaw', 'line String')
    SELECT ${logLineExpression()} AS line FROM ${logs}
    WHERE raftSessionID = ${raftSession} AND bucketName = '${bucket}' AND ${ELIGIBLE_SQL}
    ORDER BY startTime, req_id
    SETTINGS s3_truncate_on_insert = 1`;
}
