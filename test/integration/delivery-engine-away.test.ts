import { beforeEach, describe, expect, test } from '@jest/globals';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import type { Outages } from '../../src/processors/outages.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { useDeliveryBench, type DeliveryBench } from '../support/delivery-bench.js';
import { everythingDelivered } from '../support/deployment.js';
import type { ProxiedRequest, Rule } from '../support/http-proxy.js';
import { settled } from '../support/queue-events.js';

const open = useDeliveryBench('engine-away', ({ clickhouse }) => ({
  LOG_COURIER_CLICKHOUSE_URL: clickhouse.url,
  // One attempt that counts, and the order has failed.
  LOG_COURIER_RETRY_MAX_RETRIES: '0',
}));
let bench: DeliveryBench;

beforeEach(async () => {
  bench = await open();
});

/** Somebody who knows of one engine that is away, or of none. */
function knowing(engine?: string): Outages {
  return { wasAway: (asked) => Promise.resolve(asked === engine) };
}

function startWorker(outages?: Outages, settings = bench.here.settings): void {
  const pipeline = createAccessLogs({ ...bench.here.store, settings });
  bench.atEnd(() => pipeline.close());
  bench.startWorker({ settings, pipeline, outages });
}

async function order(): Promise<AccessLogOrder> {
  await bench.here.createBucket(bench.target);
  return bench.order();
}

/** Resolves when the order has been put off so many times. */
function putOff(one: AccessLogOrder, times: number): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    bench.events.on('delayed', ({ jobId }) => {
      if (jobId !== jobIdOf(one)) return;
      left -= 1;
      if (left === 0) resolve();
    });
  });
}

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
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.clickhouse.rule(resetting(isFetch));
    startWorker(knowing('clickhouse'));
    await thrice;
    expect((await bench.jobOf(one)).attemptsMade).toBe(0);
    expect(await bench.open()).toHaveLength(1);
    bench.clickhouse.reset();
    await ended;
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('completed');
    expect(job.attemptsMade).toBe(1);
    expect(job.attemptsStarted).toBeGreaterThanOrEqual(4);
    expect(await bench.logOf(one)).toContain(
      'put off: clickhouse is away; this does not count as an attempt',
    );
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('is put off when its time is up in the outage', async () => {
    const one = await order();
    const once = putOff(one, 1);
    const ended = settled(bench.events, [jobIdOf(one)]);
    let release = (): void => undefined;
    bench.s3.rule((request) =>
      bench.isUpload(request)
        ? new Promise((resolve) => {
            release = () => {
              resolve({ kind: 'reset' });
            };
          })
        : { kind: 'pass' },
    );
    startWorker(knowing('s3'), { ...bench.here.settings, 'timeout.upload-operation-seconds': 1 });
    await once;
    release();
    bench.s3.reset();
    await ended;
    expect(await (await bench.jobOf(one)).getState()).toBe('completed');
  });
});

describe('an attempt counts as any other', () => {
  test.each<[string, Outages | undefined]>([
    ['the watch says that the engine is there', knowing()],
    ['nobody watches the engines', undefined],
  ])('when the network fails and %s', async (_name, outages) => {
    const one = await order();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.clickhouse.rule(resetting(isFetch));
    startWorker(outages);
    await ended;
    const job = await bench.jobOf(one);
    expect(await job.getState()).toBe('failed');
    expect(job.attemptsMade).toBe(1);
    expect(await bench.open()).toEqual([]);
    expect(await bench.here.pipeline.failed({})).toHaveLength(1);
  });

  test('when S3 answers that it is unwell, whatever the watch knows', async () => {
    const one = await order();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.s3.rule((request) =>
      bench.isUpload(request)
        ? { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }
        : { kind: 'pass' },
    );
    startWorker(knowing('s3'));
    await ended;
    expect(await (await bench.jobOf(one)).getState()).toBe('failed');
  });
});
