import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Job } from 'bullmq';
import { orderId } from '../../src/pipelines/access-logs/order.js';
import { DELIVER, jobIdOf } from '../../src/queues/delivery.js';
import { useDeliveryBench, type DeliveryBench } from '../support/delivery-bench.js';
import { everythingDelivered } from '../support/deployment.js';
import type { Fate } from '../support/http-proxy.js';
import { settled } from '../support/queue-events.js';

const MOST_ATTEMPTS = 4;
const UNAVAILABLE: Fate = { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' };

const open = useDeliveryBench('delivery', () => ({
  LOG_COURIER_RETRY_MAX_RETRIES: String(MOST_ATTEMPTS - 1),
  LOG_COURIER_QUEUE_LOCK_DURATION_SECONDS: '2',
}));
let bench: DeliveryBench;

beforeEach(async () => {
  bench = await open();
});

describe('a processor', () => {
  test('delivers an order, and the book, the job and its log say so', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const [key] = await bench.here.keysIn(bench.target);
    const receipt = { records: 20, objects: [{ bucket: bench.target, key, records: 20 }] };
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.returnvalue).toMatchObject(receipt);
    const log = await bench.logOf(one);
    expect(log).toContain('bucket photos: 20 records into 1 object(s)');
    expect(log).toContain(`delivered s3://${bench.target}/${key ?? ''}: 20 records`);
    expect(log).toContain('committed 20 records in 1 object(s)');
    expect(await bench.open()).toEqual([]);
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('does nothing for an order that is delivered already', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const context = { signal: new AbortController().signal, report: () => undefined };
    await bench.here.pipeline.commit(one, await bench.here.pipeline.deliver(one, context));
    bench.s3.reset();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    expect((await bench.jobOf(one)).returnvalue).toMatchObject({ already: 'delivered', records: 20 });
    expect(await bench.logOf(one)).toContain('nothing to do: the order book has this order as delivered');
    expect(bench.s3.requests).toEqual([]);
  });

  test('fails an order at once when no retry helps, with the cause in job and book', async () => {
    const one = await bench.order();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(1);
    expect(job.failedReason).toContain(`target bucket "${bench.target}"`);
    expect(job.failedReason).toContain('NoSuchBucket');
    expect(job.failedReason).toContain('create the bucket');
    expect(job.stacktrace?.join('')).toContain('UnrecoverableError');
    expect(await bench.logOf(one)).toContain('attempt 1 failed');
    const [failed] = await bench.here.pipeline.failed({});
    expect(failed).toMatchObject({ order: { id: one.id }, code: 'NoSuchBucket', reason: job.failedReason });
    expect((await bench.here.pipeline.status()).orders).toMatchObject({ open: 0, failed: 1, delivered: 0 });
  });

  test('delivers a failed order when its job is retried on the board after the cause was mended', async () => {
    const one = await bench.order();
    let ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    await bench.here.createBucket(bench.target);
    ended = settled(bench.events, [jobIdOf(one)]);
    await (await bench.jobOf(one)).retry();
    await ended;
    expect(await (await bench.jobOf(one)).getState()).toBe('completed');
    expect((await bench.here.pipeline.status()).orders).toMatchObject({ open: 0, failed: 0, delivered: 1 });
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('retries an order when S3 is overloaded, and delivers it when that is over', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    let refused = 0;
    bench.s3.rule((request) => {
      if (!bench.isUpload(request) || refused === MOST_ATTEMPTS - 1) return { kind: 'pass' };
      refused += 1;
      return UNAVAILABLE;
    });
    let delayed = 0;
    bench.events.on('delayed', () => (delayed += 1));
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.attemptsMade).toBe(MOST_ATTEMPTS);
    expect(delayed).toBe(MOST_ATTEMPTS - 1);
    const log = await bench.logOf(one);
    for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt += 1) {
      expect(log).toContain(`attempt ${String(attempt)} failed: target bucket "${bench.target}"`);
    }
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('fails an order in the book when its attempts are used up', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    bench.s3.rule((request) => (bench.isUpload(request) ? UNAVAILABLE : { kind: 'pass' }));
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(MOST_ATTEMPTS);
    expect(bench.s3.requests.filter(bench.isUpload)).toHaveLength(MOST_ATTEMPTS);
    const [failed] = await bench.here.pipeline.failed({});
    expect(failed).toMatchObject({ order: { id: one.id }, code: 'SlowDown' });
    expect(failed?.reason).toContain('503');
  });

  test('fails an order that is not delivered in time, and says which setting limits it', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    bench.holdUploads();
    const settings = {
      ...bench.here.settings,
      'timeout.upload-operation-seconds': 0.3,
      'retry.max-retries': 0,
    };
    const ended = settled(bench.events, [jobIdOf(one)]);
    await (await bench.jobOf(one)).remove();
    await bench.delivery.add(DELIVER, one, { jobId: jobIdOf(one), attempts: 1 });
    bench.startWorker({ settings });
    await ended;
    const [failed] = await bench.here.pipeline.failed({});
    expect(failed?.reason).toContain('timeout.upload-operation-seconds');
  });

  test.each<[string, unknown]>([
    ['nothing at all', {}],
    ['text', 'deliver everything'],
    ['an order of another form', { id: '0123456789abcdef', source: 'photos' }],
    ['an order with an id of somebody else', { id: '../../etc/passwd' }],
  ])('refuses a job whose payload is %s, for good', async (_, payload) => {
    const job = await bench.delivery.add(DELIVER, payload, { attempts: 3 });
    const id = job.id ?? '';
    const ended = settled(bench.events, [id]);
    bench.startWorker();
    await ended;
    const failed: Job | undefined = await bench.delivery.getJob(id);
    expect(failed?.attemptsMade).toBe(1);
    expect(failed?.failedReason).toMatch(/^the job's payload is no order of access-logs: /);
  });

  test('refuses an order that the book does not have', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const elsewhere = { ...one, raftSession: one.raftSession + 1 };
    const made = { ...elsewhere, id: orderId(elsewhere) };
    await (await bench.jobOf(one)).remove();
    await bench.delivery.add(DELIVER, made, { jobId: jobIdOf(made), attempts: 1 });
    const ended = settled(bench.events, [jobIdOf(made)]);
    bench.startWorker();
    await ended;
    expect((await bench.jobOf(made)).failedReason).toContain(`${made.id} is not in the order book`);
    expect(await bench.here.keysIn(bench.target)).toEqual([]);
  });
});
