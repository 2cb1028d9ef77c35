import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { killAll, spawnCli } from '../support/cli.js';
import { useDeliveryBench, type DeliveryBench } from '../support/delivery-bench.js';
import { everythingDelivered } from '../support/deployment.js';
import type { Fate } from '../support/http-proxy.js';
import { settled } from '../support/queue-events.js';

const open = useDeliveryBench('interrupted', () => ({
  LOG_COURIER_QUEUE_LOCK_DURATION_SECONDS: '2',
}));
let bench: DeliveryBench;

beforeEach(async () => {
  bench = await open();
});

describe('a processor that must not go on', () => {
  test('hands an order back when it is told to stop, which is no failed attempt, and another one delivers it', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const held = bench.holdUploads();
    const worker = bench.startWorker();
    await held.begun;
    const closed = worker.close();
    worker.cancelAllJobs('the process stops');
    await closed;
    let job = await bench.jobOf(one);
    expect(['waiting', 'prioritized']).toContain(await job.getState());
    expect(job.attemptsMade).toBe(0);
    expect(await bench.logOf(one)).toContain('handed back: this processor stops');
    expect((await bench.here.pipeline.status()).orders).toMatchObject({ open: 1, failed: 0 });
    held.release();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    job = await bench.jobOf(one);
    expect(job.attemptsMade).toBe(1);
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('leaves an order to others when it has lost its lock', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const held = bench.holdUploads();
    const worker = bench.startWorker();
    await held.begun;
    const lost = new Promise<void>((resolve) => {
      worker.on('lockRenewalFailed', () => {
        resolve();
      });
    });
    const prefix = bench.here.settings['redis.key-prefix'];
    await bench.queues.redis.set(
      `${prefix}:${bench.delivery.name}:${jobIdOf(one)}:lock`,
      'another-processor',
    );
    await lost;
    await worker.close();
    expect((await bench.here.pipeline.status()).orders).toMatchObject({ open: 1, failed: 0 });
    expect(await (await bench.jobOf(one)).getState()).toBe('active');
    expect(await bench.here.keysIn(bench.target)).toEqual([]);
  });
});

describe('invariant 1: every record is in exactly one log object,', () => {
  test('when a processor is killed in mid-upload: another one delivers the order under the same key', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order({ count: 400, padding: 40_000 });
    let begun = (): void => undefined;
    const secondPart = new Promise<void>((resolve) => (begun = resolve));
    bench.s3.rule((request) => {
      if (!bench.isUpload(request) || !request.url.includes('partNumber=2')) return { kind: 'pass' };
      begun();
      return new Promise<Fate>(() => undefined);
    });
    const environment = { ...bench.here.environment, S3_PART_SIZE_BYTES: '5242880', S3_PARTS_IN_FLIGHT: '1' };
    bench.atEnd(killAll);
    const killed = spawnCli(['run', '--roles', 'processors'], { environment });
    await Promise.race([secondPart, killed.logged(() => false)]);
    killed.kill('SIGKILL');
    await killed.ended;
    const keysBegun = new Set(
      bench.s3.requests.filter(bench.isUpload).map(({ url }) => new URL(url, bench.s3.url).pathname),
    );
    expect(await bench.here.keysIn(bench.target)).toEqual([]);
    bench.s3.reset();
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const keys = await bench.here.keysIn(bench.target);
    expect(new Set(keys.map((key) => `/${bench.target}/${key}`))).toEqual(keysBegun);
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(400));
  });

  test('when two processors deliver the same order: the second one replaces the object by itself', async () => {
    await bench.here.createBucket(bench.target);
    const one = await bench.order();
    const context = { signal: new AbortController().signal, report: () => undefined };
    const other = createAccessLogs(bench.here.store);
    const receipts = await Promise.all([
      bench.here.pipeline.deliver(one, context),
      other.deliver(one, context),
    ]);
    expect(receipts[0]).toEqual(receipts[1]);
    await Promise.all([bench.here.pipeline.commit(one, receipts[0]), other.commit(one, receipts[1])]);
    await other.close();
    expect(await bench.here.keysIn(bench.target)).toHaveLength(1);
    expect(await bench.here.audit()).toMatchObject(everythingDelivered(20));
  });

  test('when a target is gone and another one of the same order is not', async () => {
    await bench.here.createBucket(bench.target);
    await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 10, ageSeconds: 100 });
    const one = await bench.order({ target: `${bench.target}-gone`, count: 5, ageSeconds: 50 });
    const ended = settled(bench.events, [jobIdOf(one)]);
    bench.startWorker();
    await ended;
    const [failed] = await bench.here.pipeline.failed({});
    expect(failed).toMatchObject({ code: 'NoSuchBucket' });
    expect(await bench.here.keysIn(bench.target)).toHaveLength(1);
    const audit = z.looseObject({ missing: z.literal(0), duplicated: z.literal(0) });
    audit.parse(await bench.here.audit());
    await bench.here.createBucket(`${bench.target}-gone`);
    bench.s3.reset();
    const again = settled(bench.events, [jobIdOf(one)]);
    await (await bench.jobOf(one)).retry();
    await again;
    expect(bench.s3.requests.filter(bench.isUpload)).toEqual([]);
    expect(await bench.here.audit()).toMatchObject({ ...everythingDelivered(15), objects: 2 });
  });
});
