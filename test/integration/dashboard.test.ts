import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { HealthCheck } from '../../src/dashboard/health.js';
import type { HttpServer } from '../../src/dashboard/listen.js';
import { startDashboard, startMetricsServer } from '../../src/dashboard/server.js';
import { startRedis } from '../../src/embedded/redis.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { connectRedis, redisOptions } from '../../src/queues/connection.js';

const AUTHORIZATION = `Basic ${Buffer.from('operator:hunter2').toString('base64')}`;
const log = silentLog();
const metrics = createMetrics();
const dir = mkdtempSync(join(tmpdir(), 'dashboard-'));

const cleanups: (() => unknown)[] = [
  () => {
    rmSync(dir, { recursive: true });
  },
];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

let queue: Queue;
let redisUp: HealthCheck;
let redis: Redis;
let dashboard: HttpServer;
let open: HttpServer;
let settings: Settings;

function settingsWith(environment: Record<string, string>): Settings {
  return loadSettings({
    flags: {},
    environment: {
      LOG_COURIER_DASHBOARD_LISTEN_PORT: '0',
      LOG_COURIER_METRICS_SERVER_LISTEN_PORT: '0',
      ...environment,
    },
  }).settings;
}

async function start(changes: Partial<Parameters<typeof startDashboard>[0]> = {}): Promise<HttpServer> {
  const queues = [{ queue, description: 'Delivers access logs.' }];
  const server = await startDashboard({
    settings,
    queues,
    redis,
    checks: [redisUp],
    metrics,
    log,
    ...changes,
  });
  cleanups.push(() => server.close());
  return server;
}

/** Runs jobs `good` and `bad` until each has ended, with `later` still delayed. */
async function fillQueue(): Promise<void> {
  const jobs = await queue.addBulk([
    { name: 'deliver', data: { bucket: 'good' }, opts: { jobId: 'good' } },
    { name: 'deliver', data: { bucket: 'bad' }, opts: { jobId: 'bad' } },
    { name: 'deliver', data: { bucket: 'later' }, opts: { jobId: 'later', delay: 3_600_000 } },
  ]);
  expect(jobs).toHaveLength(3);
  const worker = new Worker<{ bucket: string }>(
    queue.name,
    ({ data }) => (data.bucket === 'bad' ? Promise.reject(new Error('access denied')) : Promise.resolve()),
    { connection: redisOptions(settings), prefix: settings['redis.key-prefix'] },
  );
  await Promise.all([once(worker, 'completed'), once(worker, 'failed')]);
  await worker.close();
}

beforeAll(async () => {
  const server = await startRedis({ dir });
  cleanups.push(server.stop);
  settings = settingsWith({
    LOG_COURIER_REDIS_URL: server.url,
    LOG_COURIER_DASHBOARD_USERNAME: 'operator',
    LOG_COURIER_DASHBOARD_PASSWORD: 'hunter2',
  });
  queue = new Queue('delivery-access-logs', {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  cleanups.push(() => queue.close());
  redis = connectRedis(settings);
  cleanups.push(() => redis.quit());
  redisUp = {
    engine: 'redis',
    check: async () => {
      await redis.ping();
    },
  };
  await fillQueue();
  dashboard = await start();
  open = await start({ settings: settingsWith({ LOG_COURIER_REDIS_URL: server.url }) });
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(path: string, asked: Asked = {}): Promise<Response> {
  const headers = { authorization: AUTHORIZATION, ...asked.headers };
  return fetch(`${dashboard.url}${path}`, { redirect: 'manual', ...asked, headers });
}

describe('the board', () => {
  test('lists the queues with their jobs', async () => {
    const answer: unknown = await (
      await ask('/queues/api/queues?activeQueue=delivery-access-logs&status=failed')
    ).json();
    expect(answer).toMatchObject({
      queues: [
        {
          name: 'delivery-access-logs',
          description: 'Delivers access logs.',
          readOnlyMode: false,
          allowRetries: true,
          counts: { completed: 1, failed: 1, delayed: 1 },
          jobs: [{ id: 'bad', failedReason: 'access denied', data: { bucket: 'bad' } }],
        },
      ],
    });
  });

  test('retries a failed job', async () => {
    const answer = await ask('/queues/api/queues/delivery-access-logs/bad/retry', { method: 'PUT' });
    expect(answer.status).toBe(204);
    expect(await queue.getJobState('bad')).toBe('waiting');
  });

  test('asks nothing of other hosts and allows no script but its own', async () => {
    const answer = await ask('/queues/');
    const page = await answer.text();
    expect(page).toContain('<title>log-courier</title>');
    expect(page).not.toMatch(/(href|src)="(https?:)?\/\//);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'self';");
    for (const [, path] of page.matchAll(/(?:href|src)="(static\/[^"]+)"/g))
      expect((await ask(`/queues/${path ?? ''}`)).status).toBe(200);
  });

  test('is where the dashboard leads', async () => {
    const answer = await ask('/');
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/queues']);
  });
});

describe('the dashboard', () => {
  test.each(['/', '/queues/', '/queues/api/queues', '/metrics', '/nothing'])(
    'asks for credentials at %s',
    async (path) => {
      const answer = await fetch(`${dashboard.url}${path}`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="log-courier", charset="UTF-8"');
      expect((await ask(path)).status).not.toBe(401);
    },
  );

  test.each(['/queues/api/queues/pause', '/queues/api/queues/delivery-access-logs/good/retry'])(
    'refuses a change that another site asks for at %s',
    async (path) => {
      const headers = { origin: 'https://evil.example.com' };
      expect((await ask(path, { method: 'PUT', headers })).status).toBe(403);
      expect(await queue.isPaused()).toBe(false);
    },
  );

  test('takes changes from its own pages', async () => {
    const board = await ask('/queues/');
    const [, token = ''] = /^XSRF-TOKEN=([^;]+)/.exec(board.headers.get('set-cookie') ?? '') ?? [];
    const headers = { origin: dashboard.url, 'sec-fetch-site': 'same-origin', 'x-xsrf-token': token };
    expect((await ask('/queues/api/queues/pause', { method: 'PUT', headers })).status).toBe(200);
    expect(await queue.isPaused()).toBe(true);
    expect((await ask('/queues/api/queues/resume', { method: 'PUT', headers })).status).toBe(200);
  });

  test('says nothing about itself and keeps browsers careful', async () => {
    for (const path of ['/healthz', '/queues/', '/queues/api/queues', '/nothing']) {
      const { headers } = await ask(path);
      expect(headers.has('x-powered-by')).toBe(false);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('same-origin');
    }
  });

  test('without credentials answers to no name but this machine’s', async () => {
    expect((await fetch(`${open.url}/queues/api/queues`)).status).toBe(200);
    const rebound = request(`${open.url}/queues/api/queues`, { headers: { host: 'evil.example.com' } }).end();
    expect(await once(rebound, 'response')).toMatchObject([{ statusCode: 403 }]);
  });
});

describe('hostile input', () => {
  test.each([
    ['a malformed path', '/queues/api/queues/%E0%A4%A/x', {}, 400],
    ['a body that is no JSON', '/queues/api/queues/delivery-access-logs/add', { body: '{"na' }, 400],
    [
      'a body too large',
      '/queues/api/queues/delivery-access-logs/add',
      { body: `"${'x'.repeat(2e5)}"` },
      400,
    ],
    ['a queue that is not there', '/queues/api/queues/__proto__/add', { body: '{}' }, 404],
    ['a path that is not there', '/queues/../../etc/passwd', {}, 404],
    ['an encoded path out of the static files', '/queues/static/..%2f..%2fpackage.json', {}, 404],
  ])('%s is answered with an error and no stack', async (_, path, init, status) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(path, 'body' in init ? { method: 'POST', headers, ...init } : init);
    expect(answer.status).toBe(status);
    const body = await answer.text();
    expect(JSON.parse(body)).toHaveProperty('error');
    expect(body).not.toMatch(/node_modules|\.js:\d/);
  });

  test.each([
    [
      'a header of a megabyte',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(1e6)}\r\n\r\n`,
      /^(HTTP\/1.1 431|$)/,
    ],
    ['a request that is none', 'hello\r\n\r\n', /^HTTP\/1.1 400/],
    ['a path that is no URL', 'GET //[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 4/],
    ['no host', 'GET / HTTP/1.0\r\n\r\n', /^HTTP\/1.1 401/],
  ])('%s leaves the dashboard alive', async (_, bytes, expected) => {
    const { hostname, port } = new URL(dashboard.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined).write(bytes);
    expect(await text(socket).catch(() => '')).toMatch(expected);
    expect((await fetch(`${dashboard.url}/healthz`)).status).toBe(200);
  });
});

describe('probes', () => {
  test('need no credentials', async () => {
    const alive = await fetch(`${dashboard.url}/healthz`);
    expect([alive.status, await alive.json()]).toEqual([200, { status: 'alive' }]);
    const ready = await fetch(`${dashboard.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { ready: true, engines: [{ engine: 'redis', ok: true }] },
    ]);
  });

  test('tell which engine is down, without its password, while the process is alive', async () => {
    const away: HealthCheck = {
      engine: 'clickhouse',
      check: () => Promise.reject(new Error('http://me:hunter3@127.0.0.1:1 refused hunter2')),
    };
    const server = await start({ checks: [redisUp, away] });
    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      {
        ready: false,
        engines: [
          { engine: 'redis', ok: true },
          { engine: 'clickhouse', ok: false, error: 'http://me:(hidden)@127.0.0.1:1 refused (hidden)' },
        ],
      },
    ]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

describe('the metrics server', () => {
  test('shows every metric and the probes to everyone, and nothing else', async () => {
    const server = await startMetricsServer({ settings, checks: [redisUp], metrics, log });
    cleanups.push(() => server.close());
    const answer = await fetch(`${server.url}/metrics`);
    expect(answer.headers.get('content-type')).toBe(metrics.registry.contentType);
    const shown = await answer.text();
    const source = readFileSync('src/observability/metrics.ts', 'utf8');
    const names = [...source.matchAll(/(?:counter|gauge|histogram)\(\s*'(\w+)'/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(shown).toContain(`# TYPE log_courier_${name ?? ''} `);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${server.url}/queues/api/queues`)).status).toBe(404);
  });
});
