import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { startRedis } from '../../src/embedded/redis.js';
import { startS3 } from '../../src/embedded/s3.js';
import { connectRedis } from '../../src/queues/connection.js';
import { killAll, spawnCli, type CliProcess, type Environment, type LogEvent } from '../support/cli.js';
import { deploy, everythingDelivered, type Deployment } from '../support/deployment.js';
import { startHttpProxy, type HttpProxy } from '../support/http-proxy.js';

type EngineName = 'redis' | 'clickhouse' | 's3';

const START = { redis: startRedis, clickhouse: startClickHouse, s3: startS3 } as const;
const TARGET = 'targets';
const logLine = z.looseObject({ level: z.string(), msg: z.string() });
const listening = z.object({ url: z.string() });
const readiness = z.object({ engines: z.array(z.object({ engine: z.string(), ok: z.boolean() })) });

let dir: string;
let engines: Engines;
let restarted: Engine[];
let proxies: HttpProxy[];
let here: Deployment;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-outages-'));
  engines = await startEngines({ dir });
  restarted = [];
  proxies = [];
  here = await deploy(engines, 'outages', {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.2',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.3',
    LOG_COURIER_QUEUE_LOCK_DURATION_SECONDS: '2',
    // One attempt that counts, and the order has failed.
    LOG_COURIER_RETRY_MAX_RETRIES: '0',
  });
  await here.createBucket(TARGET);
});

afterEach(async () => {
  await killAll();
  await here.close();
  for (const proxy of proxies) await proxy.close();
  for (const engine of restarted) await engine.stop();
  await engines.stop();
  await rm(dir, { recursive: true });
});

function start(more: Environment = {}): CliProcess {
  return spawnCli(['run'], { environment: { ...here.environment, ...more } });
}

/** Starts an engine that was killed again, with its data and on its port. */
async function revive(engine: EngineName, subdirectory: string = engine): Promise<void> {
  restarted.push(await START[engine]({ dir: join(dir, subdirectory), port: engines[engine].port }));
}

/** A proxy before S3, until the test ends. */
async function startS3Proxy(port?: number): Promise<HttpProxy> {
  const proxy = await startHttpProxy(engines.s3.url, port);
  proxies.push(proxy);
  return proxy;
}

/** A service that delivers twenty records by a proxy, which holds the upload that has begun, and all further ones. */
async function startInMidUpload(more: Environment = {}): Promise<{ service: CliProcess; proxy: HttpProxy }> {
  const proxy = await startS3Proxy();
  let begun = (): void => undefined;
  const uploading = new Promise<void>((resolve) => (begun = resolve));
  proxy.rule(({ method, url }) => {
    if (method !== 'PUT' || !url.startsWith(`/${TARGET}/`)) return { kind: 'pass' };
    begun();
    return new Promise(() => undefined);
  });
  const service = start({ S3_ENDPOINT: proxy.url, ...more });
  await here.addRecords({ bucket: 'photos', target: TARGET, count: 20 });
  await uploading;
  return { service, proxy };
}

const says =
  (engine: EngineName, what: 'away' | 'back') =>
  ({ msg, ['engine']: about }: LogEvent): boolean =>
    about === engine && msg.startsWith(`the engine is ${what}`);

async function urlOf(service: CliProcess): Promise<string> {
  return listening.parse(await service.logged(({ msg }) => msg === 'metrics server listening')).url;
}

/** Asks until the answer has the status. */
async function whenReadyIs(url: string, status: number): Promise<readonly string[]> {
  for (;;) {
    const answer = await fetch(`${url}/readyz`);
    const { engines: states } = readiness.parse(await answer.json());
    if (answer.status === status) return states.filter(({ ok }) => !ok).map(({ engine }) => engine);
    await sleep(50);
  }
}

async function metricAt(url: string, name: string, engine: EngineName): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^log_courier_${name}\\{engine="${engine}"\\} (.*)$`, 'm').exec(text)?.[1]);
}

/** Waits until so many records are delivered, by the word of the order book. */
async function delivered(records: number): Promise<void> {
  for (;;) {
    const audit = await here.pipeline.audit({ deep: false }).catch(() => undefined);
    if (audit?.delivered === records) return;
    await sleep(50);
  }
}

/** The failed orders, as soon as there is one. */
async function inBookAsFailed(): Promise<readonly { readonly code: string }[]> {
  for (;;) {
    const failed = await here.pipeline.failed({});
    if (failed.length > 0) return failed;
    await sleep(50);
  }
}

/** Levels and texts of what a service logged on an engine, and all warnings and errors on other things. */
function told(stderr: string, engine: EngineName): { readonly changes: string[]; readonly others: string[] } {
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => logLine.parse(JSON.parse(line)));
  const isOnEngine = (line: z.infer<typeof logLine>): boolean => line['engine'] === engine;
  const isBad = ({ level }: z.infer<typeof logLine>): boolean => ['warn', 'error', 'fatal'].includes(level);
  return {
    changes: lines.filter(isOnEngine).map(({ msg }) => msg),
    others: lines.filter((line) => isBad(line) && !isOnEngine(line)).map(({ msg }) => msg),
  };
}

const ONE_OUTAGE = ['the engine is away; what needs it waits', 'the engine is back'];

describe('a service whose engine is killed and comes back', () => {
  test.each<EngineName>(['s3', 'clickhouse', 'redis'])(
    'goes on by itself, and says so in the log, the probe and the metrics: %s',
    async (engine) => {
      const service = start();
      const url = await urlOf(service);
      await here.addRecords({ bucket: 'before', target: TARGET, count: 10 });
      await delivered(10);
      await whenReadyIs(url, 200);
      expect(await metricAt(url, 'engine_outages_total', engine)).toBe(0);

      if (engine !== 'clickhouse') {
        await engines[engine].kill();
        await here.addRecords({ bucket: 'meanwhile', target: TARGET, count: 20 });
      } else {
        await here.addRecords({ bucket: 'meanwhile', target: TARGET, count: 20 });
        await engines.clickhouse.kill();
      }
      await service.logged(says(engine, 'away'));
      expect(await whenReadyIs(url, 503)).toEqual([engine]);
      expect(await metricAt(url, 'engine_up', engine)).toBe(0);
      expect(await metricAt(url, 'engine_outages_total', engine)).toBe(1);
      await revive(engine);
      await service.logged(says(engine, 'back'));
      expect(await whenReadyIs(url, 200)).toEqual([]);
      await here.addRecords({ bucket: 'after', target: TARGET, count: 30 });
      await delivered(60);

      expect(await metricAt(url, 'engine_outages_total', engine)).toBe(1);
      expect(await metricAt(url, 'engine_away_seconds', engine)).toBe(0);
      service.kill('SIGTERM');
      const { status, stderr } = await service.ended;
      expect(status).toBe(0);
      expect(told(stderr, engine).changes).toEqual(ONE_OUTAGE);
      expect(told(stderr, engine).others.filter((msg) => !msg.startsWith('offsets could not'))).toEqual([]);
      expect(await here.pipeline.failed({})).toEqual([]);
      expect(await here.audit()).toMatchObject(everythingDelivered(60));
    },
  );

  test('goes on when Redis comes back without its data', async () => {
    const service = start();
    await here.addRecords({ bucket: 'before', target: TARGET, count: 10 });
    await delivered(10);
    await engines.redis.kill();
    await service.logged(says('redis', 'away'));
    await here.addRecords({ bucket: 'meanwhile', target: TARGET, count: 20 });
    await revive('redis', 'redis-empty');
    await service.logged(says('redis', 'back'));
    await delivered(30);
    service.kill('SIGTERM');
    const { status, stderr } = await service.ended;
    expect(status).toBe(0);
    expect(told(stderr, 'redis').changes).toEqual(ONE_OUTAGE);
    expect(await here.audit()).toMatchObject(everythingDelivered(30));
  });

  test('goes on when Redis forgets everything', async () => {
    const service = start();
    await here.addRecords({ bucket: 'before', target: TARGET, count: 10 });
    await delivered(10);
    const redis = connectRedis(here.settings);
    await redis.flushall();
    redis.disconnect();
    await here.addRecords({ bucket: 'after', target: TARGET, count: 20 });
    await delivered(30);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
    expect(await here.audit()).toMatchObject(everythingDelivered(30));
  });
});

describe('an order', () => {
  test('that S3 broke off in the middle is delivered when S3 is back, and none fails in the outage', async () => {
    const { service, proxy } = await startInMidUpload();
    await here.addRecords({ bucket: 'music', target: TARGET, count: 20 });
    const port = Number(new URL(proxy.url).port);
    await proxy.close();
    proxies = [];
    await service.logged(says('s3', 'away'));
    await startS3Proxy(port);
    await service.logged(says('s3', 'back'));
    await delivered(40);
    service.kill('SIGTERM');
    const { status, stderr } = await service.ended;
    expect(status).toBe(0);
    expect(told(stderr, 's3')).toEqual({ changes: ONE_OUTAGE, others: [] });
    expect(await here.audit()).toMatchObject(everythingDelivered(40));
  });

  test('whose target alone cannot be reached while S3 is there fails as ever', async () => {
    const proxy = await startS3Proxy();
    proxy.rule(({ method, url }) => ({
      kind: method !== 'GET' && url.startsWith(`/${TARGET}/`) ? 'reset' : 'pass',
    }));
    const service = start({ S3_ENDPOINT: proxy.url });
    await here.addRecords({ bucket: 'photos', target: TARGET, count: 20 });
    await service.logged(({ msg }) => msg === 'work order failed');
    expect(await inBookAsFailed()).toMatchObject([{ code: 'ECONNRESET' }]);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
  });
});

describe('a service that is told to stop while an engine is away', () => {
  test.each<EngineName>(['s3', 'clickhouse', 'redis'])('ends with status 0: %s', async (engine) => {
    const service = start({ LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '10' });
    await here.addRecords({ bucket: 'before', target: TARGET, count: 10 });
    await delivered(10);
    await engines[engine].kill();
    await service.logged(says(engine, 'away'));
    service.kill('SIGTERM');
    const { status, stderr } = await service.ended;
    expect(status).toBe(0);
    expect(stderr).toContain('"stopped"');
    expect(stderr).not.toContain('what is in flight is handed back');
  });

  test('ends with status 0 when Redis goes away with it', async () => {
    const service = start({ LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '10' });
    await service.logged(({ msg }) => msg === 'log-courier runs');
    await engines.redis.kill();
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
  });

  test('ends with status 0 when Redis is there but answers nothing', async () => {
    const service = start();
    await service.logged(({ msg }) => msg === 'log-courier runs');
    process.kill(engines.redis.pid, 'SIGSTOP');
    service.kill('SIGTERM');
    const { status } = await service.ended;
    process.kill(engines.redis.pid, 'SIGCONT');
    expect(status).toBe(0);
  });

  test('hands back what is in flight, and another process delivers it when Redis is back', async () => {
    const { service } = await startInMidUpload({ LOG_COURIER_SHUTDOWN_TIMEOUT_SECONDS: '5' });
    await engines.redis.kill();
    await service.logged(says('redis', 'away'));
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ status: 0 });
    await revive('redis');
    const another = start();
    await delivered(20);
    another.kill('SIGTERM');
    expect(await another.ended).toMatchObject({ status: 0 });
    expect(await here.audit()).toMatchObject(everythingDelivered(20));
  });
});
