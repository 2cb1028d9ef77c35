import { z } from 'zod';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { HistoryStore, MINUTE_MS, type MinuteCounts } from '../../src/dashboard/history/store.js';
import { connectRedis } from '../../src/queues/connection.js';
import type { Deployment } from '../support/deployment.js';

const TEAMS = ['media', 'shop', 'billing', 'maps', 'crm', 'search', 'video', 'fleet'];
const PURPOSES = ['archive', 'uploads', 'thumbnails', 'exports', 'backups'];

/** Names of source buckets as companies choose them. */
export const BUCKETS: readonly string[] = TEAMS.flatMap((team) =>
  PURPOSES.map((purpose) => `${team}-${purpose}`),
);

/** Target bucket of a source bucket. */
export function targetOf(bucket: string): string {
  return `logs-${bucket.split('-')[0] ?? ''}`;
}

/** Target buckets of {@link BUCKETS}. */
export const TARGETS: readonly string[] = TEAMS.map((team) => `logs-${team}`);

/**
 * Adds records of many buckets with one statement; each bucket has others.
 *
 * @param most records of one bucket
 */
export async function addManyRecords(
  { store: { clickhouse, settings } }: Deployment,
  given: { readonly buckets: readonly string[]; readonly most: number; readonly ageSeconds: number },
): Promise<void> {
  const { buckets, most, ageSeconds } = given;
  await clickhouse.command(
    `INSERT INTO ${tablesOf(settings).logs} (insertedAt, startTime, bucketName, raftSessionID, req_id, operation,
       requestURI, httpCode, bytesSent, clientIP, requester, userAgent, loggingEnabled, loggingTargetBucket,
       loggingTargetPrefix)
     SELECT now() - {age:UInt32} - (cityHash64(bucket, number) % 30) AS at, at, bucket, 1,
       hex(cityHash64(bucket, number, {age:UInt32})), 'REST.GET.OBJECT', 'GET /photos/2026/11/cat.jpg HTTP/1.1', 200,
       48123, '192.0.2.17', 'arn:aws:iam::123456789012:user/app', 'aws-sdk-go-v2/1.30.3', true,
       concat('logs-', splitByChar('-', bucket)[1]), concat(bucket, '/')
     FROM numbers({most:UInt32}) ARRAY JOIN {buckets:Array(String)} AS bucket
     WHERE number <= cityHash64(bucket) % {most:UInt32}`,
    { doing: 'add records', parameters: { buckets, most, age: ageSeconds } },
  );
}

/** How a day ends, so that the charts say what the figures beside them do. */
interface Ending {
  /** Records that wait in the last minute. */
  readonly waiting: number;
  /** Minutes in which what usually waits became that. */
  readonly minutes: number;
  /** Whether nothing was delivered in these minutes. */
  readonly isHalted?: boolean;
}

/** All records that are there, before any is delivered. */
export async function countRecords({ store: { clickhouse, settings } }: Deployment): Promise<number> {
  const [counted] = await clickhouse.query(
    z.object({ records: z.number() }),
    `SELECT count() AS records FROM ${tablesOf(settings).logs}`,
    { doing: 'count records' },
  );
  return counted?.records ?? 0;
}

/** Writes down a day as if log-courier had run for so long: traffic that comes and goes, and a lag that follows it. */
export async function writeHistory({ settings }: Deployment, ending: Ending): Promise<void> {
  const redis = connectRedis(settings);
  const store = new HistoryStore(redis, settings['redis.key-prefix'], 'access-logs');
  const now = Math.floor(Date.now() / MINUTE_MS);
  const figures = new Map<number, MinuteCounts>();
  for (let minute = now - 24 * 60; minute < now; minute += 1) {
    const traffic =
      1 + 0.45 * Math.sin(minute / 170) + 0.12 * Math.sin(minute / 3.1) + 0.1 * Math.sin(minute * 1.7);
    const left = now - 1 - minute;
    if (ending.isHalted !== true || left >= ending.minutes)
      figures.set(minute, {
        records: Math.round(8_800 * traffic),
        objects: Math.round(31 * traffic),
        failures: 0,
        lagP50Seconds: Math.round(52 + 14 * traffic + 3 * Math.sin(minute * 2.3)),
        lagP99Seconds: Math.round(80 + 35 * traffic + 9 * Math.sin(minute / 2.9)),
      });
    const share = Math.max(0, 1 - left / ending.minutes);
    await store.writeBacklog(minute, Math.round(6_100 * traffic * (1 - share) + ending.waiting * share));
  }
  await store.writeFigures(figures);
  redis.disconnect();
}
