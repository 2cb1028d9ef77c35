import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Job, Queue, QueueEvents, Worker } from 'bullmq';
import { z } from 'zod';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import { startDeliveryWorker } from '../../src/processors/delivery.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { killAll, spawnCli } from '../support/cli.js';
import { everythingDelivered, type Deployment } from '../support/deployment.js';
import { startHttpProxy, type Fate, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';
import { openQueueEvents, settled } from '../support/queue-events.js';
import { openWorkbench, type Workbench } from '../support/workbench.js';

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
  dir = await mkdtemp(join(tmpdir(), 'log-courier-interrupted-'));
  engines = await startEngines({ dir });
  proxy = await startHttpProxy(engines.s3.url);
});

afterAll(async () => {
  await killAll();
  await proxy.close();
  await engines.stop();
  await rm(dir, { recursive: true });
});

beforeEach(async () => {
  tests += 1;
  proxy.reset();
  target = `targets-${String(tests)}`;
  bench = await openWorkbench(engines, `interrupted_${String(tests)}`, {
    S3_ENDPOINT: proxy.url,
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

describe('a processor that must not go on', () => {
  test('hands an order back when it is told to stop, which is no failed attempt, and another one delivers it', async () => {
    await here.createBucket(target);
    const one = await order();
    const held = holdUploads();
    const worker = startWorker();
    await held.begun;
    const closed = worker.close();
    worker.cancelAllJobs('the process stops');
    await closed;
    let job = await jobOf(one);
    expect(['waiting', 'prioritized']).toContain(await job.getState());
    expect(job.attemptsMade).toBe(0);
    expect(await logOf(one)).toContain('handed back: this processor stops');
    expect((await here.pipeline.status()).orders).toMatchObject({ open: 1, failed: 0 });
    held.release();
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    job = await jobOf(one);
    expect(job.attemptsMade).toBe(1);
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('leaves an order to others when it has lost its lock', async () => {
    await here.createBucket(target);
    const one = await order();
    const held = holdUploads();
    const worker = startWorker();
    await held.begun;
    const lost = new Promise<void>((resolve) => {
      worker.on('lockRenewalFailed', () => {
        resolve();
      });
    });
    const prefix = here.settings['redis.key-prefix'];
    await bench.queues.redis.set(`${prefix}:${queue.name}:${jobIdOf(one)}:lock`, 'another-processor');
    await lost;
    await worker.close();
    expect((await here.pipeline.status()).orders).toMatchObject({ open: 1, failed: 0 });
    expect(await (await jobOf(one)).getState()).toBe('active');
    expect(await here.keysIn(target)).toEqual([]);
  });
});

describe('invariant 1: every record is in exactly one log object,', () => {
  test('when a processor is killed in mid-upload: another one delivers the order under the same key', async () => {
    await here.createBucket(target);
    const one = await order({ count: 400, padding: 40_000 });
    let begun = (): void => undefined;
    const secondPart = new Promise<void>((resolve) => (begun = resolve));
    proxy.rule((request) => {
      if (!isUpload(request) || !request.url.includes('partNumber=2')) return { kind: 'pass' };
      begun();
      return new Promise<Fate>(() => undefined);
    });
    const environment = { ...here.environment, S3_PART_SIZE_BYTES: '5242880', S3_PARTS_IN_FLIGHT: '1' };
    const killed = spawnCli(['run', '--roles', 'processors'], { environment });
    await Promise.race([secondPart, killed.logged(() => false)]);
    killed.kill('SIGKILL');
    await killed.ended;
    const keysBegun = new Set(
      proxy.requests.filter(isUpload).map(({ url }) => new URL(url, proxy.url).pathname),
    );
    expect(await here.keysIn(target)).toEqual([]);
    proxy.reset();
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const keys = await here.keysIn(target);
    expect(new Set(keys.map((key) => `/${target}/${key}`))).toEqual(keysBegun);
    expect(await here.audit()).toMatchObject(everythingDelivered(400));
  });

  test('when two processors deliver the same order: the second one replaces the object by itself', async () => {
    await here.createBucket(target);
    const one = await order();
    const context = { signal: new AbortController().signal, report: () => undefined };
    const other = createAccessLogs(here.store);
    const receipts = await Promise.all([here.pipeline.deliver(one, context), other.deliver(one, context)]);
    expect(receipts[0]).toEqual(receipts[1]);
    await Promise.all([here.pipeline.commit(one, receipts[0]), other.commit(one, receipts[1])]);
    await other.close();
    expect(await here.keysIn(target)).toHaveLength(1);
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('when a target is gone and another one of the same order is not', async () => {
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10, ageSeconds: 100 });
    const one = await order({ target: `${target}-gone`, count: 5, ageSeconds: 50 });
    const ended = settled(events, [jobIdOf(one)]);
    startWorker();
    await ended;
    const [failed] = await here.pipeline.failed({});
    expect(failed).toMatchObject({ code: 'NoSuchBucket' });
    expect(await here.keysIn(target)).toHaveLength(1);
    const audit = z.looseObject({ missing: z.literal(0), duplicated: z.literal(0) });
    audit.parse(await here.audit());
    await here.createBucket(`${target}-gone`);
    proxy.reset();
    const again = settled(events, [jobIdOf(one)]);
    await (await jobOf(one)).retry();
    await again;
    expect(proxy.requests.filter(isUpload)).toEqual([]);
    expect(await here.audit()).toMatchObject({ ...everythingDelivered(15), objects: 2 });
  });
});
