import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Job, QueueEvents } from 'bullmq';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import { startDeliveryWorker } from '../../src/processors/delivery.js';
import type { Outages } from '../../src/processors/outages.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { everythingDelivered, type Deployment } from '../support/deployment.js';
import { startHttpProxy, type HttpProxy, type ProxiedRequest, type Rule } from '../support/http-proxy.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { openWorkbench, type Workbench } from '../support/workbench.js';

let dir: string;
let engines: Engines;
let s3: HttpProxy;
let clickhouse: HttpProxy;
let tests = 0;
let bench: Workbench;
let here: Deployment;
let events: QueueEvents;
let target: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-engine-away-'));
  engines = await startEngines({ dir });
  s3 = await startHttpProxy(engines.s3.url);
  clickhouse = await startHttpProxy(engines.clickhouse.url);
});

afterAll(async () => {
  await s3.close();
  await clickhouse.close();
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  s3.reset();
  clickhouse.reset();
  target = `targets-${String(tests)}`;
  bench = await openWorkbench(engines, `engine_away_${String(tests)}`, {
    S3_ENDPOINT: s3.url,
    LOG_COURIER_CLICKHOUSE_URL: clickhouse.url,
    // One attempt that counts, and the order has failed.
    LOG_COURIER_RETRY_MAX_RETRIES: '0',
  });
  here = bench.here;
  events = await openQueueEvents(here.settings, bench.delivery.name);
  bench.atEnd(() => events.close());
});

afterEach(async () => {
  await bench.close();
});

/** Somebody who knows of one engine that is away, or of none. */
function knowing(engine?: string): Outages {
  return { wasAway: (asked) => Promise.resolve(asked === engine) };
}

function startWorker(outages?: Outages, settings = here.settings): void {
  const pipeline = createAccessLogs({ ...here.store, settings });
  const worker = startDeliveryWorker({ ...here.store, settings, pipeline, outages });
  bench.atEnd(async () => {
    await worker.close();
    await pipeline.close();
  });
}

async function order(): Promise<AccessLogOrder> {
  await here.createBucket(target);
  await here.addRecords({ bucket: 'photos', target, count: 20 });
  await bench.discover();
  const [first] = await bench.open();
  if (first === undefined) throw new Error('nothing was ordered');
  return first;
}

async function jobOf(one: AccessLogOrder): Promise<Job> {
  const job: Job | undefined = await bench.delivery.getJob(jobIdOf(one));
  if (job === undefined) throw new Error('the job is gone');
  return job;
}

async function logOf(one: AccessLogOrder): Promise<string> {
  return (await bench.delivery.getJobLogs(jobIdOf(one))).logs.join('\n');
}

/** Resolves when the order has been put off so many times. */
function putOff(one: AccessLogOrder, times: number): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    events.on('delayed', ({ jobId }) => {
      if (jobId !== jobIdOf(one)) return;
      left -= 1;
      if (left === 0) resolve();
    });
  });
}

const isUpload = ({ method, url }: ProxiedRequest): boolean =>
  method === 'PUT' && new URL(url, 'http://s3').pathname.split('/').length > 2;
/** A request for records, of one order or of several. */
const isFetch = ({ body }: ProxiedRequest): boolean => body.includes('isMark') || body.includes('upToHere');

/** Resets the connection of every request that fits. */
const resetting =
  (fits: (request: ProxiedRequest) => boolean): Rule =>
  (request) => ({ kind: fits(request) ? 'reset' : 'pass' });

describe('an order that an engine which is away keeps from being delivered', () => {
  test('is put off without an attempt that counts, again and again, and delivered when the engine is back', async () => {
    const one = await order();
    const thrice = putOff(one, 3);
    const ended = settled(events, [jobIdOf(one)]);
    clickhouse.rule(resetting(isFetch));
    startWorker(knowing('clickhouse'));
    await thrice;
    expect((await jobOf(one)).attemptsMade).toBe(0);
    expect(await bench.open()).toHaveLength(1);
    clickhouse.reset();
    await ended;
    const job = await jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.attemptsMade).toBe(1);
    expect(job.attemptsStarted).toBeGreaterThanOrEqual(4);
    expect(await logOf(one)).toContain('put off: clickhouse is away; this does not count as an attempt');
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('is put off when its time is up in the outage', async () => {
    const one = await order();
    const once = putOff(one, 1);
    const ended = settled(events, [jobIdOf(one)]);
    let release = (): void => undefined;
    s3.rule((request) =>
      isUpload(request)
        ? new Promise((resolve) => {
            release = () => {
              resolve({ kind: 'reset' });
            };
          })
        : { kind: 'pass' },
    );
    startWorker(knowing('s3'), { ...here.settings, 'timeout.upload-operation-seconds': 1 });
    await once;
    release();
    s3.reset();
    await ended;
    expect(await (await jobOf(one)).getState()).toBe('completed');
  });
});

describe('an attempt counts as any other', () => {
  test.each<[string, Outages | undefined]>([
    ['the watch says that the engine is there', knowing()],
    ['nobody watches the engines', undefined],
  ])('when the network fails and %s', async (_name, outages) => {
    const one = await order();
    const ended = settled(events, [jobIdOf(one)]);
    clickhouse.rule(resetting(isFetch));
    startWorker(outages);
    await ended;
    const job = await jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(1);
    expect(await bench.open()).toEqual([]);
    expect(await here.pipeline.failed({})).toHaveLength(1);
  });

  test('when S3 answers that it is unwell, whatever the watch knows', async () => {
    const one = await order();
    const ended = settled(events, [jobIdOf(one)]);
    s3.rule((request) =>
      isUpload(request)
        ? { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }
        : { kind: 'pass' },
    );
    startWorker(knowing('s3'));
    await ended;
    expect(await (await jobOf(one)).getState()).toBe('failed');
  });
});
