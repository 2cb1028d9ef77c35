import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { abortUploads } from '../../src/destinations/s3/abort-uploads.js';
import { headObject } from '../../src/destinations/s3/object-head.js';
import { PartBuffers } from '../../src/destinations/s3/part-buffers.js';
import { readableBody } from '../../src/destinations/s3/read.js';
import type { HttpProxy } from '../support/http-proxy.js';
import { chunks, isFor, operation, PART, part, useUploads, type Uploads } from '../support/uploads.js';

const opened = useUploads();
const anySignal = new AbortController().signal;
let uploads: Uploads;
let client: S3Client;
let proxy: HttpProxy;

beforeEach(() => {
  uploads = opened();
  ({ client, proxy } = uploads);
});

const operations = (): string[] => uploads.operations();
const content = (key: string): Promise<Buffer> => uploads.content(key);
const upload = (...given: Parameters<Uploads['upload']>): Promise<void> => uploads.upload(...given);

async function expectNothingUnder(key: string): Promise<void> {
  await expect(content(key)).rejects.toMatchObject({ name: 'NoSuchKey' });
}

describe('an object', () => {
  test.each([
    ['nothing', 0],
    ['less than a part', PART - 1],
    ['exactly one part', PART],
  ])('of %s is one PUT', async (_, bytes) => {
    await upload('small', chunks(part('a', bytes)));
    expect(operations()).toEqual(['PutObject']);
    expect(await content('small')).toEqual(part('a', bytes));
  });

  test('larger than a part is a multipart upload with the same bytes, type and metadata', async () => {
    const body = [part('a', 1), part('b', 2499), part('c', 1500), part('d', 333)];
    await upload('large', chunks(...body));
    expect(operations()).toEqual(
      expect.arrayContaining(['CreateMultipartUpload', 'UploadPart 1', 'UploadPart 5']),
    );
    expect(operations().at(-1)).toBe('CompleteMultipartUpload');
    const parts = proxy.requests.filter((request) => operation(request).startsWith('UploadPart'));
    expect(parts.map(({ body: sent }) => sent.byteLength).sort((a, b) => a - b)).toEqual([
      333,
      PART,
      PART,
      PART,
      PART,
    ]);
    const stored = await client.send(new GetObjectCommand({ Bucket: 'uploads', Key: 'large' }));
    expect(await buffer(readableBody(stored.Body))).toEqual(Buffer.concat(body));
    expect(stored).toMatchObject({ ContentType: 'text/plain', Metadata: { answer: '42' } });
  });

  test('of one part is a multipart upload too where that is wanted, so that others can abort it', async () => {
    await upload('abortable', chunks(part('a', 10)), { singlePut: false });
    expect(operations()).toEqual(['CreateMultipartUpload', 'UploadPart 1', 'CompleteMultipartUpload']);
    expect(await content('abortable')).toEqual(part('a', 10));
  });

  test.each([true, false])('of one part can carry its digest: single PUT %p', async (singlePut) => {
    const wholeMetadata = (): Record<string, string> => ({ digest: 'abc' });
    await upload('with-digest', chunks(part('a', 10)), { singlePut, wholeMetadata });
    const head = await headObject(client, 'uploads', 'with-digest', anySignal);
    expect(head).toMatchObject({ bytes: 10, metadata: { answer: '42', digest: 'abc' } });
    await upload('without-digest', chunks(part('a'), part('b')), { singlePut, wholeMetadata });
    const other = await headObject(client, 'uploads', 'without-digest', anySignal);
    expect(other?.metadata).toEqual({ answer: '42' });
  });

  test('of several parts has a checksum that S3 has checked, unless the settings say otherwise', async () => {
    const checksumOf = async (key: string): Promise<string | undefined> => {
      const get = new GetObjectCommand({ Bucket: 'uploads', Key: key, ChecksumMode: 'ENABLED' });
      const { ChecksumSHA256, Body } = await client.send(get);
      await buffer(readableBody(Body));
      return ChecksumSHA256;
    };
    await upload('with-checksum', chunks(part('a'), part('b')));
    expect(await checksumOf('with-checksum')).toMatch(/^[A-Za-z0-9+/]{43}=-2$/);
    await upload('without-checksum', chunks(part('a'), part('b')), { partChecksums: false });
    expect(await checksumOf('without-checksum')).toBeUndefined();
  });

  test('of several large parts uses the same memory again, also when a part had to be sent twice', async () => {
    const buffers = new PartBuffers(400_000, 800_000);
    const body = ['a', 'b', 'c', 'd', 'e'].map((letter) => part(letter, 350_000));
    proxy.rule(() => ({ kind: proxy.requests.length === 3 ? 'drop' : 'pass' }));
    for (const key of ['large-once', 'large-again']) {
      await upload(key, chunks(...body), { buffers });
      expect((await content(key)).equals(Buffer.concat(body))).toBe(true);
    }
  });

  test('carries the digest of its bytes in the signature, so that S3 refuses others', async () => {
    await upload('signed', chunks(part('a', 10)));
    const digest = createHash('sha256').update(part('a', 10)).digest('hex');
    expect(proxy.requests[0]?.headers['x-amz-content-sha256']).toBe(digest);
    const wrong = { wholeSha256: () => createHash('sha256').update('another').digest('hex') };
    await expect(upload('forged', chunks(part('a', 10)), wrong)).rejects.toThrow();
    await expectNothingUnder('forged');
  });

  test('is put together in order, also when its parts arrive in another one', async () => {
    proxy.rule(async (request) => {
      if (operation(request) === 'UploadPart 1') await proxy.answered(isFor('UploadPart 2'));
      return { kind: 'pass' };
    });
    await upload('disordered', chunks(part('a'), part('b'), part('c', 1)));
    expect(await content('disordered')).toEqual(Buffer.concat([part('a'), part('b'), part('c', 1)]));
  });
});

describe('an object that is there already', () => {
  const whole = (letter: string): AsyncGenerator<Uint8Array> => chunks(part(letter, 10));
  const inParts = (letter: string): AsyncGenerator<Uint8Array> => chunks(part(letter), part(letter));

  test.each([
    ['one PUT', whole, 'put-condition'],
    ['a multipart upload', inParts, 'multipart-condition'],
  ])('stays as it is when the condition does not hold: %s', async (_, body, key) => {
    await upload(key, body('a'), { condition: { IfNoneMatch: '*' } });
    const refused = { $metadata: { httpStatusCode: 412 } };
    await expect(upload(key, body('b'), { condition: { IfNoneMatch: '*' } })).rejects.toMatchObject(refused);
    await expect(upload(key, body('b'), { condition: { IfMatch: '"0"' } })).rejects.toMatchObject(refused);
    expect((await content(key)).subarray(0, 1)).toEqual(part('a', 1));
    const head = await headObject(client, 'uploads', key, anySignal);
    await upload(key, body('c'), { condition: { IfMatch: head?.etag ?? '' } });
    expect((await content(key)).subarray(0, 1)).toEqual(part('c', 1));
  });

  test('is undefined when it is not', async () => {
    expect(await headObject(client, 'uploads', 'nowhere', anySignal)).toBeUndefined();
    await expect(headObject(client, 'uploads', 'x', AbortSignal.abort())).rejects.toThrow();
  });
});

test('uploads of one key that are in progress can be aborted by others, and then no object appears', async () => {
  const neighbour = chunks(part('n'), part('n'));
  const beforeCompletion = async (): Promise<void> => {
    expect(await abortUploads(client, 'uploads', 'aborted', anySignal)).toBe(1);
  };
  await upload('aborted-neighbour', neighbour, {
    beforeCompletion: () => expect(abortUploads(client, 'uploads', 'aborted', anySignal)).resolves.toBe(0),
  });
  await expect(upload('aborted', chunks(part('a'), part('b')), { beforeCompletion })).rejects.toMatchObject({
    name: 'NoSuchUpload',
  });
  await expectNothingUnder('aborted');
});

describe('no object is made', () => {
  test('when what is to be awaited before its completion rejects', async () => {
    const beforeCompletion = (): Promise<void> => Promise.reject(new Error('superseded'));
    const sending = upload('refused', chunks(part('a')), { singlePut: false, beforeCompletion });
    await expect(sending).rejects.toThrow('superseded');
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    await expectNothingUnder('refused');
  });

  test('when the body throws in its third part: the upload is aborted', async () => {
    async function* breaksOff(): AsyncGenerator<Uint8Array> {
      yield* chunks(part('a'), part('b'));
      throw new Error('the source went away');
    }
    await expect(upload('broken', breaksOff())).rejects.toThrow('the source went away');
    expect(operations()).toContain('CreateMultipartUpload');
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    await expectNothingUnder('broken');
  });

  test('when the body throws in its first part: S3 is not even asked', async () => {
    async function* breaksOff(): AsyncGenerator<Uint8Array> {
      yield part('a', 10);
      await Promise.reject(new Error('the source went away'));
    }
    await expect(upload('early', breaksOff())).rejects.toThrow('the source went away');
    expect(operations()).toEqual([]);
  });

  test('when it is told to stop in the middle: the upload is aborted', async () => {
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield* chunks(part('a'), part('b'));
      await proxy.answered(isFor('UploadPart 1'));
      stop.abort(new Error('the processor stops'));
      for (;;) yield part('c');
    }
    await expect(upload('stopped', endless(), { signal: stop.signal })).rejects.toThrow(
      'the processor stops',
    );
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    expect(operations()).not.toContain('CompleteMultipartUpload');
    await expectNothingUnder('stopped');
  });

  test('when a part is refused while the body is silent: the failure is not forgotten', async () => {
    proxy.rule((request) =>
      operation(request) === 'UploadPart 1'
        ? { kind: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }
        : { kind: 'pass' },
    );
    async function* pausesAfterTheFirst(): AsyncGenerator<Uint8Array> {
      yield* chunks(part('a'), part('b'));
      await proxy.answered(isFor('UploadPart 1'));
      await proxy.answered(isFor('UploadPart 2'));
      // The SDK needs some turns of the event loop to make an error of the answer.
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      yield* chunks(part('c'), part('d', 5));
    }
    const sending = upload('with-a-hole', pausesAfterTheFirst(), { partsInFlight: 4 });
    await expect(sending).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(operations()).not.toContain('CompleteMultipartUpload');
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    await expectNothingUnder('with-a-hole');
  });
});

test('the body is let go of when the upload cannot even begin, so that no connection is left behind', async () => {
  let letGo = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(part('a'));
    } finally {
      letGo += 1;
    }
  }
  await expect(upload('large', body(), { bucket: 'absent' })).rejects.toMatchObject({ name: 'NoSuchBucket' });
  await expect(upload('large', body(), { signal: AbortSignal.abort() })).rejects.toThrow();
  expect(letGo).toBe(2);
});

describe('an error that may pass', () => {
  const busy = { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' } as const;

  test('is retried: a busy S3, a lost connection, a lost answer', async () => {
    const fates = [busy, { kind: 'reset' }] as const;
    proxy.rule(() => fates[proxy.requests.length - 1] ?? { kind: 'pass' });
    await upload('retried', chunks(part('a', 10)));
    expect(operations()).toEqual(['PutObject', 'PutObject', 'PutObject']);
    expect(await content('retried')).toEqual(part('a', 10));
    proxy.reset();
    proxy.rule(() => ({ kind: proxy.requests.length === 1 ? 'drop' : 'pass' }));
    await upload('retried', chunks(part('b', 10)));
    expect(await content('retried')).toEqual(part('b', 10));
  });

  test('is an error after the attempts that the settings allow', async () => {
    proxy.rule(() => busy);
    await expect(upload('never', chunks(part('a', 10)))).rejects.toMatchObject({ name: 'SlowDown' });
    proxy.reset();
    proxy.rule(() => busy);
    await expect(upload('never', chunks(part('a', 10)))).rejects.toMatchObject({ name: 'SlowDown' });
    expect(operations()).toEqual(['PutObject', 'PutObject', 'PutObject']);
  });
});
