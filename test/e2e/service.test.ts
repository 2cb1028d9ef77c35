import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import { z } from 'zod';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { startRedis } from '../../src/embedded/redis.js';
import { startS3 } from '../../src/embedded/s3.js';
import { redisOptions } from '../../src/queues/connection.js';
import { killAll, spawnCli, type CliProcess, type Environment } from '../support/cli.js';
import { deploy, everythingDelivered, type Deployment } from '../support/deployment.js';
import { startHttpProxy, type Fate, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';
import { openQueueEvents } from '../support/queue-events.js';

const QUEUE = 'delivery-access-logs';
const listening = z.object({ url: z.string() });
const readiness = z.object({
  ready: z.boolean(),
  engines: z.array(z.object({ engine: z.string(), ok: z.boolean(), error: z.string().optional() })),
});

/** Records that make an object of three parts. */
const LARGE = { count: 350, padding: 40_000 } as const;
const SMALL_PARTS: Environment = { S3_PART_SIZE_BYTES: '5242880', S3_PARTS_IN_FLIGHT: '1' };

let dir: string;
let engines: Engines;
let proxy: HttpProxy;
let tests = 0;
let here: Deployment;
let target: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-service-'));
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
  target = `targets-${String(tests)}`;
  proxy.reset();
  here = await deploy(engines, `service_${String(tests)}`, {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.2',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.3',
    LOG_COURIER_QUEUE_LOCK_DURATION_SECONDS: '5',
  });
  await here.createBucket(target);
});

afterEach(async () => {
  await killAll();
  await here.close();
});

function start(more: Environment = {}, ...words: string[]): CliProcess {
  return spawnCli(['run', ...words], { environment: { ...here.environment, ...more } });
}

async function urlOf(service: CliProcess, server: 'dashboard' | 'metrics server'): Promise<string> {
  return listening.parse(await service.logged(({ msg }) => msg === `${server} listening`)).url;
}

async function readinessAt(url: string): Promise<{ status: number } & z.infer<typeof readiness>> {
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, ...readiness.parse(await answer.json()) };
}

/** Asks until the answer has the status. */
async function whenReadyIs(url: string, status: number): Promise<z.infer<typeof readiness>> {
  for (;;) {
    const answer = await readinessAt(url);
    if (answer.status === status) return answer;
    await sleep(50);
  }
}

const isPart = ({ method, url }: ProxiedRequest): boolean => method === 'PUT' && url.includes('partNumber=');
const isAbort = ({ method, url }: ProxiedRequest): boolean =>
  method === 'DELETE' && url.includes('uploadId=');
const isCompletion = ({ method, url }: ProxiedRequest): boolean =>
  method === 'POST' && url.includes('uploadId=');

/** Holds the second part of every upload back; `begun` resolves when the first such part is there. */
function holdSecondParts(): { readonly begun: Promise<void>; readonly release: () => void } {
  let [tell, release] = [(): void => undefined, (): void => undefined];
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const released = new Promise<Fate>((resolve) => {
    release = () => {
      resolve({ kind: 'pass' });
    };
  });
  proxy.rule((request) => {
    if (!isPart(request) || !request.url.includes('partNumber=2')) return { kind: 'pass' };
    tell();
    return released;
  });
  return { begun, release };
}

/** Ids of the uploads that were begun and neither completed nor aborted. */
function openUploads(): readonly string[] {
  const idsOf = (fits: (request: ProxiedRequest) => boolean): Set<string> =>
    new Set(
      proxy.requests
        .filter(fits)
        .map(({ url }) => new URL(url, proxy.url).searchParams.get('uploadId') ?? ''),
    );
  const ended = idsOf((request) => isAbort(request) || isCompletion(request));
  return [...idsOf(isPart)].filter((id) => !ended.has(id));
}

/** A service with all roles in the middle of an upload. */
async function uploading(more: Environment = {}): Promise<{ service: CliProcess; release: () => void }> {
  await here.addRecords({ bucket: 'photos', target, ...LARGE });
  const { begun, release } = holdSecondParts();
  const service = start({ ...SMALL_PARTS, S3_ENDPOINT: proxy.url, ...more });
  await Promise.race([begun, service.logged(() => false)]);
  return { service, release };
}

const stopping = ({ msg }: { readonly msg: string }): boolean => msg === 'stopping: no new work is taken';

describe('a service with all roles', () => {
  test('answers probes, shows metrics and the board, delivers what comes in, and stops with status 0', async () => {
    const service = start();
    const [dashboard, metrics] = [await urlOf(service, 'dashboard'), await urlOf(service, 'metrics server')];
    for (const url of [dashboard, metrics]) {
      expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'alive' });
      expect(await readinessAt(url)).toMatchObject({ status: 200, ready: true });
    }
    expect((await readinessAt(metrics)).engines.map(({ engine }) => engine)).toEqual([
      'redis',
      'clickhouse',
      's3',
    ]);
    const board = await fetch(`${dashboard}/queues`);
    expect(board.status).toBe(200);
    expect(await board.text()).toContain('log-courier');

    const events = await openQueueEvents(here.settings, QUEUE);
    const delivered = new Promise<void>((resolve) =>
      events.once('completed', () => {
        resolve();
      }),
    );
    await here.addRecords({ bucket: 'photos', target, count: 25 });
    await delivered;
    await events.close();
    const text = await (await fetch(`${metrics}/metrics`)).text();
    expect(text).toMatch(
      /^log_courier_batches_processed_total\{pipeline="access-logs",status="success"\} 1$/m,
    );
    expect(text).toMatch(/^log_courier_records_delivered_total\{pipeline="access-logs"\} 25$/m);

    service.kill('SIGTERM');
    const { status, stdout, stderr } = await service.ended;
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    for (const line of stderr.trim().split('\n'))
      expect(() => z.json().parse(JSON.parse(line))).not.toThrow();
    expect(await here.audit()).toMatchObject(everythingDelivered(25));
    await expect(fetch(`${metrics}/healthz`)).rejects.toThrow();
  });

  test('finishes what it is uploading when it is told to stop', async () => {
    const { service, release } = await uploading();
    service.kill('SIGTERM');
    await service.logged(stopping);
    release();
    expect(await service.ended).toMatchObject({ status: 0 });
    expect(proxy.requests.filter(isCompletion)).toHaveLength(1);
    expect(openUploads()).toEqual([]);
    expect(await here.audit()).toMatchObject(everythingDelivered(LARGE.count));
  });

  test('hands back what it cannot finish in time, leaves no upload open, and loses nothing', async () => {
    const { service } = await uploading({ LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '4' });
    service.kill('SIGTERM');
    const { status, stderr } = await service.ended;
    expect(status).toBe(0);
    expect(stderr).toContain('what is in flight is handed back');
    expect(proxy.requests.filter(isAbort)).toHaveLength(1);
    expect(openUploads()).toEqual([]);
    expect(await here.keysIn(target)).toEqual([]);
    const queue = new Queue(QUEUE, {
      connection: redisOptions(here.settings),
      prefix: here.settings['redis.key-prefix'],
    });
    const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
    await queue.close();
    expect(counts).toEqual({ waiting: 0, prioritized: 1, active: 0, delayed: 0, failed: 0 });
    expect((await here.cli('run', '--once', '--log-level', 'error')).status).toBe(0);
    expect(await here.audit()).toMatchObject(everythingDelivered(LARGE.count));
  });

  test('ends at once at the second signal', async () => {
    const { service } = await uploading({ LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '3600' });
    service.kill('SIGTERM');
    await service.logged(stopping);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 143 });
  });
});

describe('a service whose engines are away', () => {
  test('says that it waits for Redis, answers probes meanwhile, and can be stopped', async () => {
    const redis = await startRedis({ dir: join(dir, 'away') });
    await redis.stop();
    const service = start({ LOG_COURIER_REDIS_URL: redis.url });
    const metrics = await urlOf(service, 'metrics server');
    expect((await fetch(`${metrics}/healthz`)).status).toBe(200);
    expect((await fetch(`${metrics}/readyz`)).status).toBe(503);
    await service.logged(
      ({ msg, ['engine']: engine }) => engine === 'redis' && msg.includes('does not answer'),
    );
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
  });

  test('starts when they are there', async () => {
    const redis = await startRedis({ dir: join(dir, 'late') });
    await redis.stop();
    const service = start({ LOG_COURIER_REDIS_URL: redis.url });
    await service.logged(({ ['engine']: engine }) => engine === 'redis');
    const late = await startRedis({ dir: join(dir, 'late'), port: redis.port });
    await service.logged(({ msg }) => msg === 'log-courier runs');
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
    await late.stop();
  });

  test('ends within the shutdown timeout when Redis is lost and does not come back', async () => {
    const redis = await startRedis({ dir: join(dir, 'lost') });
    const service = start({ LOG_COURIER_REDIS_URL: redis.url, LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '3' });
    const metrics = await urlOf(service, 'metrics server');
    await service.logged(({ msg }) => msg === 'log-courier runs');
    await redis.kill();
    const { engines: states } = await whenReadyIs(metrics, 503);
    expect(states.filter(({ ok }) => !ok).map(({ engine }) => engine)).toEqual(['redis']);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
  });

  test('is not ready while S3 is away and says so, and is ready again when S3 is back', async () => {
    const service = start();
    const metrics = await urlOf(service, 'metrics server');
    await whenReadyIs(metrics, 200);
    await engines.s3.kill();
    const { engines: states } = await whenReadyIs(metrics, 503);
    expect(states.filter(({ ok }) => !ok).map(({ engine }) => engine)).toEqual(['s3']);
    expect((await fetch(`${metrics}/healthz`)).status).toBe(200);
    const again = await startS3({ dir: join(dir, 's3'), port: engines.s3.port });
    try {
      expect((await whenReadyIs(metrics, 200)).engines.every(({ ok }) => ok)).toBe(true);
      service.kill('SIGTERM');
      expect(await service.ended).toMatchObject({ status: 0 });
    } finally {
      await again.stop();
    }
  });
});
