import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { compiledFile } from '../../src/embedded/compiled-file.js';
import { startEngines } from '../../src/embedded/engines.js';
import { DirectoryInUseError } from '../../src/config/directory-lock.js';
import { EngineMissingError, EngineStartError } from '../../src/embedded/errors.js';
import { startRedis } from '../../src/embedded/redis.js';
import { startS3 } from '../../src/embedded/s3.js';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'log-courier-engines-'));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

/** Connects to a port; `closed` resolves when whatever listens there has gone. */
async function watch(port: number): Promise<{ readonly closed: Promise<unknown> }> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return { closed: new Promise((resolve) => socket.once('close', resolve)) };
}

describe('the engines together', () => {
  test('answer where the environment says, keep their data, and refuse to run twice', async () => {
    const dir = join(root, 'together');
    const first = await startEngines({ dir });
    await expect(startEngines({ dir })).rejects.toBeInstanceOf(DirectoryInUseError);
    const redis = new Redis(first.environment['LOG_COURIER_REDIS_URL'] ?? '');
    await redis.set('kept', 'yes');
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    redis.disconnect();
    const ping = await fetch(`${first.environment['LOG_COURIER_CLICKHOUSE_URL'] ?? ''}/ping`);
    expect(await ping.text()).toBe('Ok.\n');
    const s3 = new S3Client({
      endpoint: first.environment['S3_ENDPOINT'] ?? '',
      region: first.environment['S3_REGION'] ?? '',
      credentials: {
        accessKeyId: first.environment['S3_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: first.environment['S3_SECRET_ACCESS_KEY'] ?? '',
      },
      forcePathStyle: true,
    });
    await s3.send(new CreateBucketCommand({ Bucket: 'kept' }));
    expect((await s3.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)).toEqual(['kept']);
    expect(await readdir(first.s3Directory)).toEqual(['kept']);
    s3.destroy();
    await first.stop();

    const second = await startEngines({ dir });
    const again = new Redis(second.redis.url);
    expect(await again.get('kept')).toBe('yes');
    again.disconnect();
    expect(await readdir(second.s3Directory)).toEqual(['kept']);
    await second.stop();
  });

  test('report the one that dies', async () => {
    const engines = await startEngines({ dir: join(root, 'dying') });
    await engines.s3.kill();
    expect(await engines.exited).toEqual({ engine: 's3', code: null, signal: 'SIGKILL' });
    await engines.stop();
  });

  test('end when their parent is killed, and their directory is free again', async () => {
    const dir = join(root, 'orphans');
    const script = join(root, 'parent.mjs');
    await writeFile(
      script,
      `const { startEngines } = await import(${JSON.stringify(compiledFile(import.meta.url.replace('/test/', '/src/'), 'embedded/engines.js'))});
       const { clickhouse, redis, s3 } = await startEngines({ dir: ${JSON.stringify(dir)} });
       console.log(JSON.stringify([clickhouse.port, redis.port, s3.port]));`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line]: string[] = z.array(z.string()).parse(await once(createInterface(parent.stdout), 'line'));
    const watched = await Promise.all(
      z
        .array(z.number())
        .parse(JSON.parse(line ?? ''))
        .map(watch),
    );
    parent.kill('SIGKILL');
    await Promise.all(watched.map(async ({ closed }) => closed));
    const next = await startEngines({ dir });
    await next.stop();
  });

  test('leave nothing behind when their start is given up', async () => {
    const dir = join(root, 'given-up');
    await expect(startEngines({ dir, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const engines = await startEngines({ dir });
    await engines.stop();
  });
});

describe('one engine', () => {
  test('Redis, killed and started again on its port, has what was written', async () => {
    const dir = join(root, 'redis');
    const first = await startRedis({ dir });
    const client = new Redis(first.url);
    client.on('error', () => undefined);
    await client.set('counter', '41');
    await first.kill();
    expect(await first.exited).toEqual({ engine: 'redis', code: null, signal: 'SIGKILL' });
    const second = await startRedis({ dir, port: first.port });
    expect(await client.incr('counter')).toBe(42);
    client.disconnect();
    await second.stop();
  });

  test('S3 refuses a port that is taken', async () => {
    const first = await startS3({ dir: join(root, 's3-first') });
    const second = startS3({ dir: join(root, 's3-second'), port: first.port });
    await expect(second).rejects.toBeInstanceOf(EngineStartError);
    await expect(second).rejects.toThrow('EADDRINUSE');
    await first.stop();
  });

  test('Redis that is not installed is an error that says how to install it', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = root;
    try {
      const start = startRedis({ dir: join(root, 'missing') });
      await expect(start).rejects.toBeInstanceOf(EngineMissingError);
      await expect(start).rejects.toThrow(
        /scripts\/setup\.sh.*apt-get install redis-server.*brew install redis/,
      );
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('Ctrl-C in the terminal is for the parent alone', async () => {
    const engine = await startS3({ dir: join(root, 'ctrl-c') });
    process.kill(engine.pid, 'SIGINT');
    expect(await fetch(engine.url)).toHaveProperty('status');
    await engine.stop();
    expect(await engine.exited).toEqual({ engine: 's3', code: 0, signal: null });
  });
});
