import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3';
import { storeAwayOf } from '../../src/destinations/errors.js';
import { NoSuchFileError, type FileStore } from '../../src/destinations/file-store.js';
import { openS3Files } from '../../src/destinations/s3/open-files.js';
import { chunks, part, PART, useUploads, type Uploads } from '../support/uploads.js';

const opened = useUploads();
const signal = new AbortController().signal;
const avro = {
  contentType: 'avro/binary',
  cacheControl: 'public, max-age=157248000',
  metadata: { order: '0123' },
  signal,
};
let uploads: Uploads;
let files: FileStore;

beforeEach(() => {
  uploads = opened();
  files = openS3Files({
    client: uploads.client,
    bucket: 'uploads',
    prefix: 'tables/',
    partBytes: PART,
    memoryBytes: 4 * PART,
  });
});

async function uploadsInProgress(): Promise<number> {
  const { Uploads = [] } = await uploads.client.send(new ListMultipartUploadsCommand({ Bucket: 'uploads' }));
  return Uploads.length;
}

describe('a file in S3', () => {
  test.each([
    ['of one part', 900],
    ['of several', 4500],
    ['of nothing', 0],
  ])('%s has its content, type, caching, metadata, size and digest', async (_, bytes) => {
    const name = `2026/${String(bytes)}.avro`;
    const content = part('a', bytes);
    const receipt = await files.put(name, chunks(content.subarray(0, 100), content.subarray(100)), avro);
    expect(receipt).toEqual({ bytes, sha256: createHash('sha256').update(content).digest('hex') });
    expect(await buffer(files.read(name, signal))).toEqual(content);
    expect(await files.head(name, signal)).toEqual({ bytes, metadata: { order: '0123' } });
    const head = await uploads.client.send(
      new HeadObjectCommand({ Bucket: 'uploads', Key: `tables/${name}` }),
    );
    expect(head).toMatchObject({ ContentType: 'avro/binary', CacheControl: 'public, max-age=157248000' });
  });

  test('is listed in order, without the prefix; removed, and not found any more', async () => {
    for (const name of ['list/b', 'list/a', 'list/a/c']) await files.put(name, chunks(part('x', 3)), avro);
    const names: string[] = [];
    for await (const file of files.list('list/', signal)) {
      expect(file.bytes).toBe(3);
      names.push(file.name);
    }
    expect(names).toEqual(['list/a', 'list/a/c', 'list/b']);
    await files.remove('list/a', signal);
    await files.remove('list/a', signal);
    expect(await files.head('list/a', signal)).toBeUndefined();
    await expect(buffer(files.read('list/a', signal))).rejects.toThrow(NoSuchFileError);
  });

  test('does not appear when its content fails, which S3 has nothing to do with', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(part('a', 2 * PART));
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    }
    const error: unknown = await files.put('failing', failing(), avro).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'Error', code: 'ECONNREFUSED' });
    expect(storeAwayOf(error)).toBeUndefined();
    expect(await files.head('failing', signal)).toBeUndefined();
    expect(await uploadsInProgress()).toBe(0);
  });

  test('does not appear when it is stopped', async () => {
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(part('a', 2 * PART));
      stop.abort(new Error('stopped'));
      yield part('a');
    }
    await expect(files.put('stopped', stopping(), { ...avro, signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
    expect(await files.head('stopped', signal)).toBeUndefined();
    expect(await uploadsInProgress()).toBe(0);
  });

  test('ends what a process that was killed has begun under its name, and nothing else', async () => {
    for (const Key of ['tables/killed', 'tables/killed-not'])
      await uploads.client.send(new CreateMultipartUploadCommand({ Bucket: 'uploads', Key }));
    await files.put('killed', chunks(part('a')), avro);
    expect(await uploadsInProgress()).toBe(1);
  });
});

describe('a bucket', () => {
  test('that is there passes the check; one that is not is a permanent failure', async () => {
    await files.check(signal);
    const missing = openS3Files({ client: uploads.client, bucket: 'missing' });
    await expect(missing.check(signal)).rejects.toMatchObject({
      name: 'StoreError',
      code: 'NoSuchBucket',
      permanent: true,
      away: false,
    });
    await expect(missing.put('a', chunks(part('a')), avro)).rejects.toMatchObject({
      code: 'NoSuchBucket',
      permanent: true,
    });
    expect(missing.place).toBe('s3://missing/');
  });
});
