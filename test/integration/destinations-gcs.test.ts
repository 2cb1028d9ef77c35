import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { storeAwayOf } from '../../src/destinations/errors.js';
import { NoSuchFileError, type FileStore } from '../../src/destinations/file-store.js';
import { openGcsFiles } from '../../src/destinations/gcs/open-files.js';
import { startGcsServer, type GcsServer } from '../support/gcs-server.js';
import { googleAnswer } from '../support/http-requests.js';
import { chunks } from '../support/uploads.js';

const signal = new AbortController().signal;
const avro = {
  contentType: 'avro/binary',
  cacheControl: 'public, max-age=157248000',
  metadata: { order: '0123' },
  signal,
};
/** The smallest piece of an upload. */
const CHUNK = 256 * 1024;
let server: GcsServer;
let files: FileStore;

beforeEach(async () => {
  server = await startGcsServer('archive');
  files = open();
});

afterEach(async () => {
  await server.close();
});

function open(bucket = 'archive', retries = 0): FileStore {
  const options = { bucket, prefix: 'tables/', projectId: 'pool', chunkBytes: CHUNK, retries };
  return openGcsFiles({ ...options, apiEndpoint: server.url });
}

const isPiece = ({ method, url }: { method: string; url: URL }): boolean =>
  method === 'PUT' && url.searchParams.has('upload_id');

describe('a file in Google Cloud Storage', () => {
  test.each([
    ['of nothing', 0],
    ['smaller than a piece', 1000],
    ['of exactly two pieces', 2 * CHUNK],
    ['of several', 3 * CHUNK + 77],
  ])('%s has its content, type, caching, metadata, size and digest', async (_, bytes) => {
    const content = Buffer.alloc(bytes, 'log-courier ');
    const receipt = await files.put(
      '2026/a b.avro',
      chunks(content.subarray(0, 100), content.subarray(100)),
      avro,
    );
    expect(receipt).toEqual({ bytes, sha256: createHash('sha256').update(content).digest('hex') });
    const stored = server.objects.get('tables/2026/a b.avro');
    expect(stored?.content.equals(content)).toBe(true);
    expect(stored).toMatchObject({
      contentType: 'avro/binary',
      cacheControl: 'public, max-age=157248000',
      metadata: { order: '0123' },
    });
    expect((await buffer(files.read('2026/a b.avro', signal))).equals(content)).toBe(true);
    expect(await files.head('2026/a b.avro', signal)).toEqual({ bytes, metadata: { order: '0123' } });
    expect(server.sessions.size).toBe(0);
  });

  test('is replaced by the new whole', async () => {
    await files.put('a', chunks(Buffer.alloc(CHUNK * 2, 'old')), avro);
    await files.put('a', chunks(Buffer.from('new')), avro);
    expect(server.objects.get('tables/a')?.content.toString()).toBe('new');
  });

  test('is listed in order over several pages, without the prefix; removed, and not found any more', async () => {
    const names = ['b', 'a/b', 'a.txt', 'a/a', 'a-b', 'ä', 'B'];
    for (const name of names) await files.put(name, chunks(Buffer.from(name)), avro);
    const listed: string[] = [];
    for await (const file of files.list('', signal)) {
      expect(file.bytes).toBe(Buffer.byteLength(file.name));
      listed.push(file.name);
    }
    expect(listed).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    await files.remove('b', signal);
    await files.remove('b', signal);
    expect(await files.head('b', signal)).toBeUndefined();
    await expect(buffer(files.read('b', signal))).rejects.toThrow(NoSuchFileError);
  });

  test('does not appear when its content fails, and the upload is given up', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(2 * CHUNK + 5, 'a'));
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    }
    const error: unknown = await files.put('failing', failing(), avro).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'Error', code: 'ECONNREFUSED' });
    expect(storeAwayOf(error)).toBeUndefined();
    expect(server.objects.size).toBe(0);
    expect(server.sessions.size).toBe(0);
  });

  test('does not appear when it is stopped, and the upload is given up', async () => {
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(2 * CHUNK + 5, 'a'));
      while (server.sessions.size === 0) await new Promise((resolve) => setImmediate(resolve));
      stop.abort(new Error('stopped'));
      yield Buffer.from('a');
    }
    await expect(files.put('stopped', stopping(), { ...avro, signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
    expect(server.objects.size).toBe(0);
    while (server.sessions.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(server.requests).toContain('DELETE upload');
  });

  test('arrives when answers are lost on the way', async () => {
    const content = Buffer.alloc(3 * CHUNK + 7, 'log-courier ');
    server.breakOff('after', isPiece);
    server.breakOff('before', isPiece);
    await open('archive', 3).put('a', chunks(content), avro);
    expect(server.objects.get('tables/a')?.content.equals(content)).toBe(true);
    expect(server.sessions.size).toBe(0);
  });

  test('that is not what was written is never read as if it were', async () => {
    await files.put('a', chunks(Buffer.from('content')), avro);
    server.damage('tables/a');
    await expect(buffer(files.read('a', signal))).rejects.toThrow(/checksum|match/i);
  });
});

describe('a bucket of Google Cloud Storage', () => {
  test('passes the check when we may write to it', async () => {
    await files.check(signal);
    server.mayWrite = false;
    await expect(files.check(signal)).rejects.toMatchObject({
      store: 'gcs',
      code: 'forbidden',
      permanent: true,
      away: false,
    });
  });

  test('that there is not is a permanent failure', async () => {
    const missing = open('missing');
    expect(missing.place).toBe('gs://missing/tables/');
    const noBucket = { name: 'StoreError', code: 'notFound', permanent: true, away: false };
    await expect(missing.check(signal)).rejects.toMatchObject(noBucket);
    await expect(missing.put('a', chunks(Buffer.from('a')), avro)).rejects.toMatchObject({
      permanent: true,
      away: false,
    });
    await expect(buffer(missing.read('a', signal))).rejects.toMatchObject(noBucket);
    await expect(missing.head('a', signal)).rejects.toMatchObject(noBucket);
  });

  test('that answers with an error of its own is worth a retry, and not away', async () => {
    server.answerInstead(googleAnswer(503, 'backendError', 'try again'), () => true);
    await expect(files.check(signal)).rejects.toMatchObject({
      code: 'backendError',
      permanent: false,
      away: false,
    });
    server.answerInstead(googleAnswer(403, 'rateLimitExceeded', 'slow down'), () => true);
    await expect(files.check(signal)).rejects.toMatchObject({ code: 'rateLimitExceeded', permanent: false });
    server.answerInstead(googleAnswer(403, 'forbidden', 'no access'), () => true);
    await expect(files.check(signal)).rejects.toMatchObject({ code: 'forbidden', permanent: true });
  });

  test('that cannot be reached is away', async () => {
    await server.close();
    const tries: (() => Promise<unknown>)[] = [
      () => files.check(signal),
      () => files.put('a', chunks(Buffer.from('a')), avro),
      () => files.head('a', signal),
      () => buffer(files.read('a', signal)),
    ];
    for (const attempt of tries) {
      const error: unknown = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ permanent: false });
      expect(storeAwayOf(error)).toBe('gcs');
    }
    server = await startGcsServer('archive');
  });
});
