import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startEngines } from '../../src/embedded/engines.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { killAll, spawnCli, type Environment } from '../support/cli.js';
import { deploy, type Deployment } from '../support/deployment.js';
import { startHttpReceiver, type HttpReceiver } from '../support/http-receiver.js';
import { pathOf, spansIn, type ReceivedSpan } from '../support/spans.js';
import { useEngines } from '../support/test-engines.js';

const engines = useEngines('tracing', startEngines);
let collector: HttpReceiver;
let here: Deployment;
let tests = 0;
let target: string;

beforeAll(async () => {
  collector = await startHttpReceiver();
});

beforeEach(async () => {
  tests += 1;
  target = `traced-${String(tests)}`;
  here = await deploy(engines(), `tracing_${String(tests)}`, {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_TELEMETRY_OTLP_ENDPOINT: collector.url,
    LOG_COURIER_TELEMETRY_OTLP_HEADERS: 'Authorization=Bearer%20hunter2',
  });
});

afterAll(async () => {
  await killAll();
  await here.close();
  await collector.close();
});

/** Delivers what is ready in a process of its own, whose spans are all sent when it has ended. */
async function deliver(more: Environment = {}): Promise<readonly ReceivedSpan[]> {
  const from = collector.requests.length;
  const run = spawnCli(['run', '--once'], { environment: { ...here.environment, ...more } });
  await run.ended;
  return spansIn(collector.requests.slice(from));
}

const named = (spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] =>
  spans.filter((span) => span.name === name);

describe('a work order', () => {
  test('has one trace from its discovery to its commit, in which its id stands', async () => {
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    await here.addRecords({ bucket: 'films', target, count: 5200 });
    const [order] = (await here.pipeline.preview()).filter(({ source }) => source === 'films');
    const spans = await deliver();

    const commits = named(spans, 'commit');
    expect(commits).toHaveLength(2);
    for (const commit of commits)
      expect(pathOf(spans, commit)).toEqual([
        'commit',
        'deliver',
        'process delivery-access-logs',
        'addBulk delivery-access-logs',
        'discovery',
      ]);
    const parts = spans.filter(({ attributes }) => attributes['log_courier.order'] === order?.id);
    expect(parts.map(({ name }) => name).sort()).toEqual(['commit', 'count', 'deliver', 'fetch', 'upload']);
    expect(new Set(parts.map(({ trace }) => trace))).toHaveProperty('size', 1);
    expect(named(spans, 'cut orders').map((span) => pathOf(spans, span))).toContainEqual([
      'cut orders',
      'discovery',
    ]);
    expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['log-courier']));
    expect(collector.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: '/v1/traces',
      headers: { authorization: 'Bearer hunter2' },
    });
  });

  test('is called by the same id in the trace, the log, the job, the order book and its objects', async () => {
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    const service = spawnCli(['run'], { environment: here.environment });
    const from = collector.requests.length;
    const { order } = await service.logged(({ msg }) => msg === 'delivered');
    service.kill('SIGTERM');
    await service.ended;
    const id = String(order);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    const deliver = named(spansIn(collector.requests.slice(from)), 'deliver');
    expect(deliver.map(({ attributes }) => attributes['log_courier.order'])).toEqual([id]);
    const jobs = spansIn(collector.requests.slice(from)).map(({ attributes }) => attributes['bullmq.job.id']);
    expect(jobs).toContain(jobIdOf({ id }));
    expect(await here.pipeline.find(id)).toMatchObject({ state: 'delivered', order: { id } });
    const [Key] = await here.keysIn(target);
    const { Metadata } = await here.store.s3.send(new HeadObjectCommand({ Bucket: target, Key }));
    expect(Metadata).toMatchObject({ 'log-courier-order': id });
  });

  test('shows in its trace why it failed', async () => {
    await here.addRecords({ bucket: 'photos', target: 'not-there', count: 10 });
    const spans = await deliver();
    const failed = spans.filter(({ status }) => status === 2).map(({ name }) => name);
    expect(failed.sort()).toEqual(['deliver', 'upload']);
  });
});

describe('the traces of a process', () => {
  test('begin with a discovery each, not with what idle workers do', async () => {
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    const spans = await deliver();
    const roots = spans.filter(({ parent }) => parent === undefined);
    expect(new Set(roots.map(({ name }) => name))).toEqual(new Set(['discovery']));
    expect(new Set(roots.map(({ trace }) => trace)).size).toBe(roots.length);
  });

  test('are as many as telemetry.sample-ratio asks for, and none of 0', async () => {
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    expect(await deliver({ LOG_COURIER_TELEMETRY_SAMPLE_RATIO: '0' })).toEqual([]);
  });

  test('keep no process from its work when the collector is away', async () => {
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    const away = { LOG_COURIER_TELEMETRY_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    const run = spawnCli(['run', '--once'], { environment: { ...here.environment, ...away } });
    const { status, stderr } = await run.ended;
    expect(status).toBe(0);
    expect(stderr.match(/traces could not be sent/g)).toHaveLength(1);
    expect(await here.keysIn(target)).toHaveLength(1);
  });
});
