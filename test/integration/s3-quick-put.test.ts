import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { headObject } from '../../src/destinations/s3/object-head.js';
import type { Fate } from '../support/http-proxy.js';
import { chunks, part, useUploads, type Uploads } from '../support/uploads.js';

const opened = useUploads();
const anySignal = new AbortController().signal;
const busy = { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' } as const;
let uploads: Uploads;

beforeEach(async () => {
  uploads = opened();
  await uploads.upload('the-first', chunks(part('a', 10)));
  uploads.proxy.reset();
});

/** Who has made each request: the AWS SDK says so. */
function makers(): string[] {
  return uploads.proxy.requests.map(({ headers }) => (headers['user-agent'] === undefined ? 'quick' : 'sdk'));
}

describe('a small object', () => {
  test('is sent without the SDK when the SDK has sent one into the same bucket, and is the same', async () => {
    await uploads.upload('second', chunks(part('b', 10)), { wholeMetadata: () => ({ more: 'words' }) });
    expect(makers()).toEqual(['quick']);
    expect(await uploads.content('second')).toEqual(part('b', 10));
    const head = await headObject(uploads.client, 'uploads', 'second', anySignal);
    expect(head).toMatchObject({ bytes: 10, metadata: { answer: '42', more: 'words' } });
    await uploads.client.send(new CreateBucketCommand({ Bucket: 'another' }));
    uploads.proxy.reset();
    await uploads.upload('other', chunks(part('c', 10)), { bucket: 'another' });
    expect(makers()).toEqual(['sdk']);
  });

  test('has any key that S3 takes, signed as the SDK signs it', async () => {
    const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    const keys = fc.sample(
      fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `k${segments.join('/')}`),
      { numRuns: 60, seed: 7 },
    );
    for (const key of [...keys, "it's (1)*!", 'a+b c%20d', 'ü/日本/~x', 'a//b']) {
      uploads.proxy.reset();
      await uploads.upload(key, chunks(part('k', 5)));
      expect(makers()).toEqual(['quick']);
      expect(await uploads.content(key)).toEqual(part('k', 5));
    }
  });

  test('must not be there, or be the one that is named, as the condition says', async () => {
    const condition = { IfNoneMatch: '*' } as const;
    await uploads.upload('once', chunks(part('a', 10)), { condition });
    await expect(uploads.upload('once', chunks(part('b', 10)), { condition })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    expect(await uploads.content('once')).toEqual(part('a', 10));
    await uploads.upload('the-first', chunks(part('a', 10)));
    const head = await headObject(uploads.client, 'uploads', 'once', anySignal);
    await uploads.upload('once', chunks(part('c', 10)), { condition: { IfMatch: head?.etag ?? '' } });
    expect(await uploads.content('once')).toEqual(part('c', 10));
  });

  test.each([
    ['S3 is busy', busy],
    ['the connection is lost', { kind: 'reset' } as const],
    ['the answer is lost', { kind: 'drop' } as const],
  ])('is sent again by the SDK when %s, and so are the next ones until it has succeeded', async (_, fate) => {
    proxyOnce(fate);
    await uploads.upload('again', chunks(part('a', 10)));
    expect(makers()).toEqual(['quick', 'sdk']);
    expect(await uploads.content('again')).toEqual(part('a', 10));
    uploads.proxy.reset();
    await uploads.upload('and-again', chunks(part('b', 10)));
    expect(makers()).toEqual(['quick']);
    uploads.proxy.rule(() => busy);
    const failing = uploads.upload('never', chunks(part('c', 10)));
    await expect(failing).rejects.toMatchObject({ name: 'SlowDown' });
    uploads.proxy.reset();
    uploads.proxy.rule(() => busy);
    const next = uploads.upload('never', chunks(part('c', 10)));
    await expect(next).rejects.toMatchObject({ name: 'SlowDown' });
    expect(makers()).toEqual(['sdk', 'sdk', 'sdk']);
  });

  test('is not sent, nor sent again, when the delivery is cancelled', async () => {
    const stop = new AbortController();
    uploads.proxy.rule(() => {
      stop.abort(new Error('stopped'));
      return { kind: 'reset' };
    });
    const sending = uploads.upload('cancelled', chunks(part('a', 10)), { signal: stop.signal });
    await expect(sending).rejects.toThrow('stopped');
    expect(makers()).toEqual(['quick']);
  });
});

/** Has the proxy do so with the next request, and pass on all others. */
function proxyOnce(fate: Fate): void {
  uploads.proxy.rule(() => (uploads.proxy.requests.length === 1 ? fate : { kind: 'pass' }));
}
