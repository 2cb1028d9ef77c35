import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { killAll, runCli, spawnCli } from '../support/cli.js';

const VARIABLES = [
  'LOG_COURIER_CLICKHOUSE_URL',
  'LOG_COURIER_REDIS_URL',
  'S3_ACCESS_KEY_ID',
  'S3_ENDPOINT',
  'S3_REGION',
  'S3_SECRET_ACCESS_KEY',
];
const URLS = ['LOG_COURIER_CLICKHOUSE_URL', 'LOG_COURIER_REDIS_URL', 'S3_ENDPOINT'];
const environmentSchema = z.record(z.string(), z.string());
const isLine = (text: string): boolean => text.includes('\n');

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-embedded-'));
});

afterEach(killAll);

afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('embedded', () => {
  const engines = (): string => join(dir, 'engines');

  test('--json prints the variables that point log-courier at its engines, which end with it', async () => {
    const process_ = spawnCli(['embedded', '--json', '--dir', engines()]);
    const environment = environmentSchema.parse(JSON.parse(await process_.printed(isLine)));
    expect(Object.keys(environment).sort()).toEqual(VARIABLES);
    for (const name of URLS) expect(await isOpen(environment[name] ?? '')).toBe(true);
    expect((await runCli(['schema', 'apply'], { environment })).status).toBe(0);
    const made = await runCli(['generate', '--rows', '300', '--buckets', '5', '--age', '5m'], {
      environment,
    });
    expect(made.status).toBe(0);
    process_.kill('SIGTERM');
    expect(await process_.ended).toMatchObject({ status: 0, stderr: '' });
    for (const name of URLS) expect(await isOpen(environment[name] ?? '')).toBe(false);
  });

  test('its data are there for run --once --embedded, which delivers them', async () => {
    const words = ['run', '--once', '--embedded', engines(), '--consumer-time-threshold-seconds', '0'];
    const { status, stdout } = await runCli(words, { environment: { LOG_COURIER_LOG_LEVEL: 'error' } });
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: '5 new work orders with 300 records; 5 delivered\n',
    });
  });

  test('prints lines for a shell without --json, and ends with status 1 when an engine ends by itself', async () => {
    let tell: (text: string) => void = () => undefined;
    const printed = new Promise<string>((resolve) => (tell = resolve));
    const result = runCli(['embedded', '--dir', engines()], {
      onPrint: (text) => {
        tell(text);
      },
    });
    const lines = (await printed).trim().split('\n');
    expect(lines.map((line) => /^export (\w+)='[^']+'$/.exec(line)?.[1]).sort()).toEqual(VARIABLES);
    const url = /LOG_COURIER_REDIS_URL='(.*)'/.exec(lines.join('\n'))?.[1] ?? '';
    // A Redis that was told to end does not answer; nothing is to be asked again.
    const redis = new Redis(url, { retryStrategy: () => null });
    redis.on('error', () => undefined);
    await redis.shutdown('NOSAVE').catch(() => undefined);
    const { status, stderr } = await result;
    redis.disconnect();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^log-courier: the embedded redis has ended by itself/);
  });

  test('refuses a directory that is in use', async () => {
    const first = spawnCli(['embedded', '--json', '--dir', engines()]);
    await first.printed(isLine);
    const { status, stderr } = await runCli(['run', '--once', '--embedded', engines()]);
    expect(status).toBe(1);
    expect(stderr).toContain(engines());
    first.kill('SIGINT');
    expect(await first.ended).toMatchObject({ status: 0 });
  });
});

describe('demo', () => {
  /** Processes that were started with the variable TMPDIR of the demo (Linux). */
  async function processesOf(temporary: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (environment.split('\0').includes(`TMPDIR=${temporary}`)) found.push(pid);
    }
    return found;
  }

  async function temporary(name: string): Promise<string> {
    const path = join(dir, name);
    await mkdir(path);
    return path;
  }

  test('--exit delivers everything once, ends with status 0 and leaves nothing behind', async () => {
    const TMPDIR = await temporary('demo-exit');
    const demo = spawnCli(['demo', '--exit', '--rows', '5000'], { environment: { TMPDIR } });
    const { status, stdout } = await demo.ended;
    const lines = stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      records: 5000,
      delivered: 5000,
      missing: 0,
      duplicated: 0,
      outstanding: 0,
      undelivered: 0,
    });
    expect(status).toBe(0);
    const dashboard = /http:\/\/127\.0\.0\.1:\d+/.exec(stdout)?.[0] ?? '';
    expect(await isOpen(dashboard)).toBe(false);
    expect(await processesOf(TMPDIR)).toEqual([]);
    expect(await readdir(TMPDIR)).toEqual([]);
  });

  test('goes on without --exit, and leaves no process behind when it is killed', async () => {
    const TMPDIR = await temporary('demo-killed');
    const demo = spawnCli(['demo', '--rows', '1000'], { environment: { TMPDIR } });
    await demo.printed((text) => text.includes('until Ctrl-C'));
    expect((await processesOf(TMPDIR)).length).toBeGreaterThan(4);
    demo.kill('SIGKILL');
    await demo.ended;
    while ((await processesOf(TMPDIR)).length > 0) await sleep(50);
  });

  test('ends with status 0 and leaves nothing behind when it is told to stop', async () => {
    const TMPDIR = await temporary('demo-stopped');
    const demo = spawnCli(['demo', '--rows', '1000'], { environment: { TMPDIR } });
    await demo.printed((text) => text.includes('Generated'));
    demo.kill('SIGINT');
    expect(await demo.ended).toMatchObject({ status: 0 });
    expect(await processesOf(TMPDIR)).toEqual([]);
    expect(await readdir(TMPDIR)).toEqual([]);
  });
});
