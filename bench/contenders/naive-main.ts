import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import pLimit from 'p-limit';
import { naiveLine, type NaiveRow } from './naive-line.js';
import { taskSchema, type Task } from './task.js';

/**
 * What most would write: all columns of a bucket's rows as JSONEachRow, each row parsed and formatted in JavaScript,
 * and the lines sent with PutObject. It says that it is ready when it is asked, and when it is done with a task.
 */
process.on('disconnect', () => process.exit());
process.on('message', (message) => {
  const task = taskSchema.safeParse(message);
  if (!task.success) {
    process.send?.({ ready: true });
    return;
  }
  void deliver(task.data).then(() => process.send?.({ done: true }));
});

async function deliver({ clickhouseUrl, s3Url, logs, concurrency, buckets }: Task): Promise<void> {
  const clickhouse = createClient({
    url: clickhouseUrl,
    max_open_connections: concurrency,
    request_timeout: 600_000,
    // While it parses, the server gives a connection up that rests, and the next statement would be sent into it.
    keep_alive: { enabled: false },
    clickhouse_settings: { session_timezone: 'UTC' },
    log: { level: ClickHouseLogLevel.OFF },
  });
  const s3 = new S3Client({
    endpoint: s3Url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench-bench-bench' },
  });
  const limit = pLimit(concurrency);
  await limit.map(buckets, async ({ bucket, raftSession, targetBucket, key }) => {
    const answer = await clickhouse.query({
      query: `SELECT * FROM ${logs}
        WHERE raftSessionID = {raftSession:UInt16} AND bucketName = {bucket:String}
          AND loggingEnabled AND loggingTargetBucket != ''
        ORDER BY startTime, req_id`,
      query_params: { raftSession, bucket },
      format: 'JSONEachRow',
    });
    const lines: string[] = [];
    for await (const rows of answer.stream<NaiveRow>())
      for (const row of rows) lines.push(naiveLine(row.json()));
    await s3.send(new PutObjectCommand({ Bucket: targetBucket, Key: key, Body: lines.join('') }));
  });
  await clickhouse.close();
  s3.destroy();
}
