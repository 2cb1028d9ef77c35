import { once } from 'node:events';
import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { S3Client } from '@aws-sdk/client-s3';
import { createSink, type SinkOptions } from '../../bench/sink/server.js';
import { loadSettings } from '../../src/config/load.js';
import { createS3Client } from '../../src/destinations/s3/client.js';
import { ConditionalWrites } from '../../src/destinations/s3/conditional-writes.js';
import { headObject } from '../../src/destinations/s3/object-head.js';
import { abortUploads } from '../../src/destinations/s3/abort-uploads.js';
import { PartBuffers } from '../../src/destinations/s3/part-buffers.js';
import { uploadObject, type UploadOptions } from '../../src/destinations/s3/upload.js';
import { listen } from '../../src/embedded/listen.js';
import { silentLog } from '../../src/observability/log.js';

const MEBIBYTE = 1024 * 1024;
const { signal } = new AbortController();
const whole: UploadOptions = {
  buffers: new PartBuffers(5 * MEBIBYTE, 20 * MEBIBYTE),
  partsInFlight: 2,
  singlePut: true,
  partChecksums: true,
  signal,
};

let server: Server;
let client: S3Client;
let url: string;

afterEach(async () => {
  client.destroy();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

async function open(options: Partial<SinkOptions> = {}): Promise<() => Promise<unknown>> {
  server = createSink({ latencyMs: 0, newlines: false, ...options });
  url = `http://127.0.0.1:${await listen(server, 0)}`;
  const environment = { S3_ENDPOINT: url, S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' };
  client = createS3Client(loadSettings({ flags: {}, environment }).settings);
  return async () => (await fetch(`${url}/__stats`)).json();
}

async function put(key: string, content: Uint8Array, more: Partial<UploadOptions> = {}): Promise<void> {
  const target = { bucket: 'bench-logs-0', key, contentType: 'text/plain', metadata: { records: '2' } };
  await uploadObject(client, target, Readable.from([content]), { ...whole, ...more });
}

describe('the sink of the benchmarks', () => {
  test('takes an object in one PUT and forgets its content, but not its size and metadata', async () => {
    const stats = await open();
    await put('p/a b', Buffer.from('one\ntwo\n'));
    expect(await stats()).toMatchObject({ objects: 1, bytes: 8, newlines: 0 });
    expect(await headObject(client, 'bench-logs-0', 'p/a b', signal)).toMatchObject({
      bytes: 8,
      metadata: { records: '2' },
    });
    expect(await headObject(client, 'bench-logs-0', 'p/c', signal)).toBeUndefined();
  });

  test('takes an object in parts, which counts when it is complete', async () => {
    const stats = await open();
    await put('large', Buffer.alloc(12 * MEBIBYTE, 'x'));
    expect(await stats()).toMatchObject({ objects: 1, bytes: 12 * MEBIBYTE });
  });

  test('counts line feeds when it is asked to', async () => {
    const stats = await open({ newlines: true });
    await put('lines', Buffer.from('one\ntwo\nthree\n'));
    expect(await stats()).toMatchObject({ newlines: 3 });
  });

  test('honours conditional writes, and log-courier finds that out', async () => {
    const stats = await open();
    const content = Buffer.from('one\n');
    await put('a', content);
    const conditions = new ConditionalWrites(
      client,
      loadSettings({ flags: {}, environment: {} }).settings,
      silentLog(),
    );
    await conditions.learn('bench-logs-0', 'a', content, signal);
    expect(conditions.honoured).toBe(true);
    await expect(put('a', content, { condition: { IfNoneMatch: '*' } })).rejects.toThrow();
    await expect(put('a', content, { condition: { IfMatch: '"other"' } })).rejects.toThrow();
    const { etag = '' } = (await headObject(client, 'bench-logs-0', 'a', signal)) ?? {};
    await put('a', content, { condition: { IfMatch: etag } });
    expect(await stats()).toMatchObject({ objects: 2 });
  });

  test('has no uploads in progress to list', async () => {
    await open();
    expect(await abortUploads(client, 'bench-logs-0', 'a', signal)).toBe(0);
  });

  test('forgets everything when it is reset', async () => {
    const stats = await open();
    await put('a', Buffer.from('one\n'));
    await fetch(`${url}/__reset`);
    expect(await stats()).toMatchObject({ objects: 0, bytes: 0 });
    expect(await headObject(client, 'bench-logs-0', 'a', signal)).toBeUndefined();
  });
});
