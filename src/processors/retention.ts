import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import type { ExpiredOrder, RetentionReport } from '../pipelines/retention.js';
import { adviceFor, retentionNews, type SourceWarning } from './retention-news.js';

/** What watching over retention works with. */
export interface RetentionParts {
  readonly settings: Settings;
  readonly redis: Redis;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Time between two looks, whatever the number of discoveries, shards and processes, in ms. */
const LOOK_EVERY_MS = 60_000;
/** How long metrics hold at least, in ms. */
const FRESH_FOR_MS = 300_000;
/** What was warned of is remembered for this long after the last look, in seconds. */
const REMEMBERED_SECONDS = 7 * 86_400;

/**
 * Looks, at most once a minute, for undelivered records that the source will soon remove, and tells of them in the
 * metrics and, source by source, in the log. What was told is kept in Redis, so that it is told once, whichever process
 * looks next; a wiped Redis has it told once more. A look that fails stops no discovery.
 */
export async function watchRetention(
  parts: RetentionParts,
  pipeline: Pipeline,
  signal: AbortSignal,
): Promise<void> {
  const { settings, redis, log } = parts;
  const key = `${settings['redis.key-prefix']}:retention-looked:${pipeline.name}`;
  if ((await redis.set(key, '1', 'PX', LOOK_EVERY_MS, 'NX')) === null) return;
  try {
    const report = await pipeline.nearRetention(signal);
    measure(parts, pipeline.name, report);
    await tellNear(parts, pipeline.name, report);
    for (const order of report.expired) await tellExpired(parts, pipeline.name, order);
  } catch (err) {
    if (signal.aborted) return;
    log.warn({ err, pipeline: pipeline.name }, 'could not look for records near the end of their retention');
  }
}

function measure({ settings, metrics }: RetentionParts, pipeline: string, report: RetentionReport): void {
  const freshForMs = Math.max(FRESH_FOR_MS, settings['consumer.max-discovery-interval-seconds'] * 3000);
  metrics.recordsNearRetention.set(pipeline, report.records, freshForMs);
  const left =
    report.deadline === null ? undefined : (Date.parse(report.deadline) - Date.parse(report.at)) / 1000;
  metrics.retentionDeadlineSeconds.set(pipeline, left, freshForMs);
}

async function tellNear(
  { settings, redis, log }: RetentionParts,
  pipeline: string,
  report: RetentionReport,
): Promise<void> {
  const key = `${settings['redis.key-prefix']}:near-retention:${pipeline}`;
  const { warn, left } = retentionNews(report, await redis.hgetall(key));
  for (const warning of warn) log.warn({ pipeline, ...fieldsOf(warning) }, warningText(warning));
  for (const bucket of left)
    log.info(
      { pipeline, bucket },
      'no undelivered records of the bucket are near the end of their retention',
    );
  if (warn.length > 0)
    await redis.hset(key, Object.fromEntries(warn.map(({ source }) => [source, report.at])));
  if (left.length > 0) await redis.hdel(key, ...left);
  await redis.expire(key, REMEMBERED_SECONDS);
}

function fieldsOf({ source, records, deadline, why }: SourceWarning): object {
  return { bucket: source, records, deadline, why };
}

function warningText({ source, why }: SourceWarning): string {
  const advice = [...new Set(why.map((one) => adviceFor(source, one)))];
  return `undelivered records are near the end of their retention: ${advice.join('; ')}`;
}

/** Tells of an order's lost records, and counts them, when they are more than was told before. */
async function tellExpired(
  { settings, redis, metrics, log }: RetentionParts,
  pipeline: string,
  { order, source, lost, code }: ExpiredOrder,
): Promise<void> {
  const key = `${settings['redis.key-prefix']}:expired:${pipeline}:${order}`;
  const told = Number((await redis.get(key)) ?? 0);
  if (lost <= told) return;
  await redis.set(key, lost, 'EX', settings['order-book.retention-days'] * 86_400);
  metrics.recordsExpired.inc({ pipeline }, lost - told);
  log.error(
    { pipeline, order, bucket: source, records: lost, code },
    'records reached the end of their retention undelivered: they are lost; ' +
      `log-courier skip --order ${order} --reason … writes that down and lets the offset go on`,
  );
}
