import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Job, Queue, QueueEvents, Worker } from 'bullmq';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { orderId, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { startDeliveryWorker } from '../../src/processors/delivery.js';
import { DELIVER, jobIdOf } from '../../src/queues/delivery.js';
import { everythingDelivered, type Deployment } from '../support/deployment.js';
import { startHttpProxy, type Fate, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { openWorkbench, type Workbench } from '../support/workbench.js';

const MOST_ATTEMPTS = 4;
const UNAVAILABLE: Fate = { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' };

let dir: string;
let engines: Engines;
let proxy: HttpProxy;
let tests = 0;
let bench: Workbench;
let here: Deployment;
let queue: Queue;
let events: QueueEvents;
let target: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-delivery-'));
  engines = await startEngines({ dir });
  proxy = await startHttpProxy(engines.s3.url);
});

afterAll(async () => {
  await proxy.close();
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  proxy.reset();
  target = `targets-${String(tests)}`;
  bench = await openWorkbench(engines, `delivery_${String(tests)}`, {
    S3_ENDPOINT: proxy.url,
    LOG_COURIER_RETRY_MAX_RETRIES: String(MOST_ATTEMPTS - 1),
    LOG_COURIER_QUEUE_LOCK_DURATION_SECONDS: '2',
  });
  here = bench.here;
  queue = bench.delivery;
  events = await openQueueEvents(here.settings, queue.name);
  bench.atEnd(() => events.close());
});

afterEach(async () => {
  await bench.close();
});

function startWorker(): Worker {
  const worker = startDeliveryWorker({ ...here.store, pipeline: here.pipeline });
  bench.atEnd(() => worker.close());
  return worker;
}

/** One order in the book and the queue. */
async function order(
  records: Partial<Parameters<Deployment['addRecords']>[0]> = {},
): Promise<AccessLogOrder> {
  await here.addRecords({ bucket: 'photos', target, count: 20, ...records });
  await bench.discover();
  const [first] = await bench.open();
  if (first === undefined) throw new Error('nothing was ordered');
  return first;
}

async function jobOf(one: AccessLogOrder): Promise<Job> {
  const job: Job | undefined = await queue.getJob(jobIdOf(one));
  if (job === undefined) throw new Error('the job is gone');
  return job;
}

async function logOf(one: AccessLogOrder): Promise<string> {
  return (await queue.getJobLogs(jobIdOf(one))).logs.join('\n');
}

function isUpload({ method, url }: ProxiedRequest): boolean {
  return method === 'PUT' && url.startsWith(`/${target}/`) && url !== `/${target}/`;
}

/** Holds uploads back; `begun` resolves when the first one is there. */
function holdUploads(): { readonly begun: Promise<void>; readonly release: () => void } {
  let tell = (): void => undefined;
  let release = (): void => undefined;
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const released = new Promise<Fate>((resolve) => {
    release = () => {
      resolve({ kind: 'pass' });
    };
  });
  proxy.rule((request) => {
    if (!isUpload(request)) return { kind: 'pass' };
    tell();
    return released;
  });
  bench.atEnd(release);
  return { begun, release };
}

describe('a processor', () => {
  test('delivers an order, and the book, the job and its log say so', async () => {
    await here.createBucket(target);
    const one = await order();
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const [key] = await here.keysIn(target);
    const receipt = { records: 20, objects: [{ bucket: target, key, records: 20 }] };
    const job = await jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.returnvalue).toMatchObject(receipt);
    expect(job.progress).toMatchObject({ percent: 100, step: 'committed 20 records in 1 object(s)' });
    const log = await logOf(one);
    expect(log).toContain('bucket photos: 20 records into 1 object(s)');
    expect(log).toContain(`delivered s3://${target}/${key ?? ''}: 20 records`);
    expect(log).toContain('committed 20 records in 1 object(s)');
    expect(await bench.open()).toEqual([]);
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('does nothing for an order that is delivered already', async () => {
    await here.createBucket(target);
    const one = await order();
    const context = { signal: new AbortController().signal, report: () => undefined };
    await here.pipeline.commit(one, await here.pipeline.deliver(one, context));
    proxy.reset();
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    expect((await jobOf(one)).returnvalue).toMatchObject({ already: 'delivered', records: 20 });
    expect(await logOf(one)).toContain('nothing to do: the order book has this order as delivered');
    expect(proxy.requests).toEqual([]);
  });

  test('fails an order at once when no retry helps, with the cause in job and book', async () => {
    const one = await order();
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const job = await jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(1);
    expect(job.failedReason).toContain(`target bucket "${target}"`);
    expect(job.failedReason).toContain('NoSuchBucket');
    expect(job.failedReason).toContain('create the bucket');
    expect(job.stacktrace?.join('')).toContain('UnrecoverableError');
    expect(await logOf(one)).toContain('attempt 1 failed');
    const [failed] = await here.pipeline.failed({});
    expect(failed).toMatchObject({ order: { id: one.id }, code: 'NoSuchBucket', reason: job.failedReason });
    expect((await here.pipeline.status()).orders).toMatchObject({ open: 0, failed: 1, delivered: 0 });
  });

  test('delivers a failed order when its job is retried on the board after the cause was mended', async () => {
    const one = await order();
    let ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    await here.createBucket(target);
    ended = settled(events, [jobIdOf(one)]);
    await (await jobOf(one)).retry();
    await ended;
    expect(await (await jobOf(one)).getState()).toBe('completed');
    expect((await here.pipeline.status()).orders).toMatchObject({ open: 0, failed: 0, delivered: 1 });
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('retries an order when S3 is overloaded, and delivers it when that is over', async () => {
    await here.createBucket(target);
    const one = await order();
    let refused = 0;
    proxy.rule((request) => {
      if (!isUpload(request) || refused === MOST_ATTEMPTS - 1) return { kind: 'pass' };
      refused += 1;
      return UNAVAILABLE;
    });
    let delayed = 0;
    events.on('delayed', () => (delayed += 1));
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const job = await jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.attemptsMade).toBe(MOST_ATTEMPTS);
    expect(delayed).toBe(MOST_ATTEMPTS - 1);
    const log = await logOf(one);
    for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt += 1) {
      expect(log).toContain(`attempt ${String(attempt)} failed: target bucket "${target}"`);
    }
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('fails an order in the book when its attempts are used up', async () => {
    await here.createBucket(target);
    const one = await order();
    proxy.rule((request) => (isUpload(request) ? UNAVAILABLE : { kind: 'pass' }));
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const job = await jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(MOST_ATTEMPTS);
    expect(proxy.requests.filter(isUpload)).toHaveLength(MOST_ATTEMPTS);
    const [failed] = await here.pipeline.failed({});
    expect(failed).toMatchObject({ order: { id: one.id }, code: 'SlowDown' });
    expect(failed?.reason).toContain('503');
  });

  test('fails an order that is not delivered in time, and says which setting limits it', async () => {
    await here.createBucket(target);
    const one = await order();
    holdUploads();
    const settings = { ...here.settings, 'timeout.upload-operation-seconds': 0.3, 'retry.max-retries': 0 };
    const ended = settled(events, [jobIdOf(one)]);
    await (await jobOf(one)).remove();
    await queue.add(DELIVER, one, { jobId: jobIdOf(one), attempts: 1 });
    const worker = startDeliveryWorker({ ...here.store, settings, pipeline: here.pipeline });
    bench.atEnd(() => worker.close());
    await ended;
    const [failed] = await here.pipeline.failed({});
    expect(failed?.reason).toContain('timeout.upload-operation-seconds');
  });

  test.each<[string, unknown]>([
    ['nothing at all', {}],
    ['text', 'deliver everything'],
    ['an order of another form', { id: '0123456789abcdef', source: 'photos' }],
    ['an order with an id of somebody else', { id: '../../etc/passwd' }],
  ])('refuses a job whose payload is %s, for good', async (_, payload) => {
    const job = await queue.add(DELIVER, payload, { attempts: 3 });
    const id = job.id ?? '';
    const ended = settled(events, [id]);
    startWorker();
    await ended;
    const failed: Job | undefined = await queue.getJob(id);
    expect(failed?.attemptsMade).toBe(1);
    expect(failed?.failedReason).toMatch(/^the job's payload is no order of access-logs: /);
  });

  test('refuses an order that the book does not have', async () => {
    await here.createBucket(target);
    const one = await order();
    const elsewhere = { ...one, raftSession: one.raftSession + 1 };
    const made = { ...elsewhere, id: orderId(elsewhere) };
    await (await jobOf(one)).remove();
    await queue.add(DELIVER, made, { jobId: jobIdOf(made), attempts: 1 });
    const ended = settled(events, [jobIdOf(made)]);
    startWorker();
    await ended;
    expect((await jobOf(made)).failedReason).toContain(`${made.id} is not in the order book`);
    expect(await here.keysIn(target)).toEqual([]);
  });
});
