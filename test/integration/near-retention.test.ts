import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { tablesOf } from '../../src/clickhouse/tables.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { runDiscovery } from '../../src/processors/discovery.js';
import { discoveryContext } from '../support/access-logs.js';
import type { Environment } from '../support/cli.js';
import { useWorkbench } from '../support/test-workbench.js';
import { WHOLE, type Workbench } from '../support/workbench.js';

const HOUR = 3600;
/** Nothing is ready: neither so many records nor such old ones. */
const NOTHING_READY = {
  LOG_COURIER_CONSUMER_COUNT_THRESHOLD: '1000000',
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '31536000',
};

const logLine = z.looseObject({ level: z.number(), msg: z.string(), bucket: z.string().optional() });

const openBench = useWorkbench('retention');
let bench: Workbench;
let lines: z.infer<typeof logLine>[];

/** By default the schema keeps records for 72 hours, and warnings begin after 60. */
async function open(more: Environment = {}): Promise<void> {
  lines = [];
  bench = await openBench(more);
}

/** Discovers as a process does whose log is kept; at any time, not just once a minute. */
async function discover(): Promise<void> {
  const prefix = bench.here.settings['redis.key-prefix'];
  await bench.queues.redis.del(`${prefix}:retention-looked:access-logs`);
  await discoverAgain();
}

async function discoverAgain(): Promise<void> {
  const log = pino({ level: 'info' }, { write: (line) => lines.push(logLine.parse(JSON.parse(line))) });
  await runDiscovery({ ...bench.parts, log }, WHOLE, new AbortController().signal);
}

function told(about: string): unknown[] {
  return lines
    .filter(({ msg }) => msg.includes(about))
    .map(({ level, bucket, records }) => [pino.levels.labels[level], bucket, records]);
}

async function metric(name: string): Promise<number | undefined> {
  const found = await bench.here.store.metrics.registry.getSingleMetric(`log_courier_${name}`)?.get();
  return found?.values[0]?.value;
}

/** Orders what is ready, without a look at retention. */
async function orderAll(): Promise<void> {
  await bench.here.pipeline.discover(discoveryContext());
}

async function failAll(code = 'NoSuchBucket'): Promise<readonly AccessLogOrder[]> {
  const orders = await bench.open();
  for (const order of orders) await bench.here.pipeline.fail(order, { code, reason: 'gone', objects: [] });
  return orders;
}

async function emptyLogs(): Promise<void> {
  const { logs } = tablesOf(bench.here.settings);
  await bench.here.store.clickhouse.command(`TRUNCATE TABLE ${logs}`, { doing: 'remove all records' });
}

const NEAR = 'undelivered records are near the end of their retention';

describe('records that will reach the end of their retention undelivered', () => {
  test('are warned of by bucket, with how many, when and why, when their orders failed', async () => {
    await open();
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 70 * HOUR });
    await bench.here.addRecords({ bucket: 'music', target: 'gone', count: 5, ageSeconds: 10 * HOUR });
    await orderAll();
    await failAll();
    await discover();
    expect(told(NEAR)).toEqual([['warn', 'photos', 30]]);
    expect(lines.find(({ msg }) => msg.includes(NEAR))).toMatchObject({
      why: [{ state: 'failed', code: 'NoSuchBucket', records: 30 }],
      deadline: expect.stringMatching(/^\d{4}-.*Z$/),
      msg: expect.stringContaining('log-courier retry --bucket photos'),
    });
    expect(await metric('records_near_retention')).toBe(30);
    const left = (await metric('retention_deadline_seconds')) ?? NaN;
    expect(left / HOUR).toBeGreaterThan(1.9);
    expect(left / HOUR).toBeLessThanOrEqual(2);
  });

  test('are warned of when no order has them yet', async () => {
    await open(NOTHING_READY);
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 70 * HOUR });
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 7, ageSeconds: 30 * HOUR });
    await discover();
    expect(told(NEAR)).toEqual([['warn', 'photos', 30]]);
    expect(lines.find(({ msg }) => msg.includes(NEAR))).toMatchObject({
      why: [{ state: 'not ordered', code: '', records: 30 }],
      msg: expect.stringContaining('discovery has not ordered them'),
    });
    expect(await metric('records_near_retention')).toBe(30);
  });

  test('are warned of once, and it is told when they are no longer there', async () => {
    await open();
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 70 * HOUR });
    await orderAll();
    const [order] = await failAll();
    await discover();
    await discover();
    await discover();
    expect(told(NEAR)).toEqual([['warn', 'photos', 30]]);
    await bench.here.pipeline.skip(order?.id ?? '', { by: 'ada', reason: 'a test' });
    await discover();
    await discover();
    expect(told('no undelivered records of the bucket')).toEqual([['info', 'photos', undefined]]);
    expect(await metric('records_near_retention')).toBe(0);
    expect(await metric('retention_deadline_seconds')).toBeUndefined();
  });

  test('are looked for once a minute, however often discovery runs', async () => {
    await open();
    await discover();
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 70 * HOUR });
    await discoverAgain();
    await discoverAgain();
    expect(await metric('records_near_retention')).toBe(0);
    expect(told(NEAR)).toEqual([]);
    await discover();
    expect(await metric('records_near_retention')).toBe(30);
  });

  test('are named by status', async () => {
    await open();
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 70 * HOUR });
    await orderAll();
    await failAll();
    const { status, stdout, stderr } = await bench.here.cli('status');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(
      'near the end of their retention: 30 records of 1 bucket, the first will be lost in 1 h 59 min',
    );
    expect(stdout).toContain('photos: 30 records, failed with NoSuchBucket');
  });

  test('are none when all of them are delivered in time', async () => {
    await open();
    await bench.here.createBucket('in-time');
    await bench.here.addRecords({ bucket: 'photos', target: 'in-time', count: 30, ageSeconds: 70 * HOUR });
    expect((await bench.here.cli('run', '--once')).status).toBe(0);
    await discover();
    expect(told(NEAR)).toEqual([]);
    expect(await metric('records_near_retention')).toBe(0);
  });
});

describe('records that reached the end of their retention undelivered', () => {
  test('are told once and counted once, and no longer count as near it', async () => {
    await open({ LOG_COURIER_RETENTION_RECORD_HOURS: '1', LOG_COURIER_RETENTION_WARN_BEFORE_HOURS: '0.5' });
    await bench.here.addRecords({ bucket: 'photos', target: 'gone', count: 30, ageSeconds: 2 * HOUR });
    await orderAll();
    const [order] = await failAll('MissingRecordsError');
    await discover();
    expect(told('they are lost')).toEqual([]);
    await emptyLogs();
    await discover();
    await discover();
    expect(told('they are lost')).toEqual([['error', 'photos', 30]]);
    expect(await metric('records_expired_total')).toBe(30);
    expect(await metric('records_near_retention')).toBe(0);
    expect((await bench.here.cli('status')).stdout).toContain(
      `lost: 30 records of photos reached the end of their retention undelivered (order ${order?.id ?? ''}, MissingRecordsError)`,
    );
  });
});
