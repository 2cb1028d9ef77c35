import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { HealthCheck } from '../../src/dashboard/health.js';
import { ListenError, type HttpServer } from '../../src/dashboard/listen.js';
import { startMetricsServer } from '../../src/dashboard/server.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';

const { settings } = loadSettings({ flags: { 'metrics-server.listen-port': '0' }, environment: {} });

const started: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(
  changes: Partial<Settings> = {},
  checks: readonly HealthCheck[] = [],
): Promise<HttpServer> {
  const server = await startMetricsServer({
    settings: { ...settings, ...changes },
    checks,
    metrics: createMetrics(),
    log: silentLog(),
  });
  started.push(server);
  return server;
}

describe('listening', () => {
  test('fails with the setting to mend when the port is taken', async () => {
    const { url } = await start();
    const { port } = new URL(url);
    const taken = start({ 'metrics-server.listen-port': Number(port) });
    await expect(taken).rejects.toThrow(ListenError);
    await expect(taken).rejects.toThrow(
      `cannot listen on ${url}: another program has port ${port}; give another one, or 0 for any free one, as metrics-server.listen-port`,
    );
  });

  test.each(['192.0.2.1', 'nowhere.invalid'])(
    'fails with the setting to mend when the address is %s',
    async (address) => {
      await expect(start({ 'metrics-server.listen-address': address })).rejects.toThrow(
        `cannot listen on http://${address}:0: ${address} is not an address of this machine; give one that is as metrics-server.listen-address`,
      );
    },
  );

  test('has brackets around an IPv6 address in its URL', async () => {
    const server = await start({ 'metrics-server.listen-address': '::1' });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test('ends with all connections: kept alive, sent by halves or waiting for an answer', async () => {
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const check = (): Promise<void> => {
      asked();
      return new Promise(() => undefined);
    };
    const server = await start({}, [{ engine: 's3', check }]);
    await (await fetch(`${server.url}/healthz`)).text();
    const { hostname, port } = new URL(server.url);
    const half = connect(Number(port), hostname).resume();
    half.on('error', () => undefined).write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n');
    const waiting = expect(fetch(`${server.url}/readyz`)).rejects.toThrow();
    await isAsked;
    const ended = once(half, 'close');
    await Promise.all([server.close(), server.close()]);
    await Promise.all([ended, waiting]);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});
