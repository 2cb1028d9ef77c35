import { afterEach, describe, expect, test } from '@jest/globals';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { z } from 'zod';
import { OBJECTS } from '../../src/embedded/s3.js';
import { BUCKET, startTestS3, type TestS3 } from '../support/embedded-s3.js';

let s3: TestS3 | undefined;

afterEach(async () => {
  await s3?.stop();
  s3 = undefined;
});

async function start(options: Parameters<typeof startTestS3>[0] = {}): Promise<TestS3> {
  s3 = await startTestS3(options);
  return s3;
}

async function journalOf({ dir }: TestS3): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(join(dir, 'journal.jsonl'), 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
}

describe('after a SIGKILL', () => {
  test('every acknowledged object is there, whole, and no other is', async () => {
    const { client, content, restart, dir, engine } = await start({ journal: true });
    const keys = ['a', 'b', 'c', 'd'];
    const last = new Map<string, number>();
    let [running, tellBusy] = [true, (): void => undefined];
    const busy = new Promise<void>((resolve) => (tellBusy = resolve));
    const write = async (Key: string): Promise<void> => {
      for (let round = 1; running; round += 1) {
        try {
          await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: bodyOf(Key, round) }));
          last.set(Key, round);
          if (keys.every((key) => (last.get(key) ?? 0) > 20)) tellBusy();
        } catch {
          return;
        }
      }
    };
    const writing = keys.map(write);
    await busy;
    process.kill(engine.pid, 'SIGKILL');
    running = false;
    await engine.exited;
    await restart();
    await Promise.all(writing);
    for (const key of keys) {
      const text = (await content(key)).toString();
      const round = Number(text.split(' ')[1]);
      expect(text).toBe(bodyOf(key, round));
      expect(round).toBeGreaterThanOrEqual(last.get(key) ?? 0);
    }
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    expect(Contents.map(({ Key }) => Key)).toEqual(keys);
    expect(await readdir(join(dir, OBJECTS, BUCKET))).toHaveLength(keys.length);
    expect(await readdir(join(dir, 'incoming'))).toEqual([]);
  });

  test('an upload in progress goes on', async () => {
    const { client, content, restart } = await start();
    const object = { Bucket: BUCKET, Key: 'long' };
    const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand(object));
    const place = { ...object, UploadId };
    const put = async (PartNumber: number, Body: string): Promise<void> => {
      await client.send(new UploadPartCommand({ ...place, PartNumber, Body }));
    };
    await put(1, 'old');
    await put(1, 'first ');
    await restart();
    await put(2, 'second');
    const { Parts = [] } = await client.send(new ListPartsCommand(place));
    const MultipartUpload = { Parts: Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) };
    await client.send(new CompleteMultipartUploadCommand({ ...place, MultipartUpload }));
    await restart();
    expect((await content('long')).toString()).toBe('first second');
    await expect(client.send(new ListPartsCommand(place))).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });
});

describe('the journal', () => {
  test('has every change of an object with what was there before', async () => {
    const s3 = await start({ journal: true });
    const object = { Bucket: BUCKET, Key: 'logs/a' };
    const Metadata = { 'log-courier-records': '3', 'log-courier-order': 'after..upTo' };
    await s3.client.send(new PutObjectCommand({ ...object, Body: 'first', Metadata }));
    await s3.client.send(new PutObjectCommand({ ...object, Body: 'second' }));
    await s3.client.send(new DeleteObjectCommand(object));
    await s3.client.send(new DeleteObjectCommand(object));
    const place = { bucket: BUCKET, key: 'logs/a', at: expect.any(String) };
    const none = { records: null, order: null };
    expect(await journalOf(s3)).toMatchObject([
      { ...place, op: 'put', bytes: 5, previousBytes: null, records: '3', order: 'after..upTo' },
      { ...place, op: 'put', bytes: 6, previousBytes: 5, etag: expect.any(String), ...none },
      { ...place, op: 'delete', bytes: 0, previousBytes: 6, etag: null, ...none },
    ]);
  });

  test('is made whole when a kill cut it short', async () => {
    const s3 = await start({ journal: true });
    const put = async (Key: string, Body: string): Promise<void> => {
      await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    };
    await put('a', 'text');
    await put('b', 'text');
    const whole = await journalOf(s3);
    const file = join(s3.dir, 'journal.jsonl');
    // As if the last line had been cut: the object is there, and half a line of it.
    const [first = '', second = ''] = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, `${first}\n${second.slice(0, 40)}`);
    await s3.restart();
    expect(await journalOf(s3)).toEqual([whole[0], { ...whole[1], at: expect.any(String) }]);
  });
});

describe('of twenty simultaneous creations of a key', () => {
  const creations = async ({ client }: TestS3): Promise<readonly string[]> => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, index) =>
        client.send(
          new PutObjectCommand({ Bucket: BUCKET, Key: 'raced', Body: String(index), IfNoneMatch: '*' }),
        ),
      ),
    );
    return results.map((result) =>
      result.status === 'fulfilled' ? 'created' : z.object({ name: z.string() }).parse(result.reason).name,
    );
  };

  test('exactly one wins', async () => {
    const s3 = await start();
    const results = await creations(s3);
    expect([...results].sort()).toEqual([...Array<string>(19).fill('PreconditionFailed'), 'created']);
    expect((await s3.content('raced')).toString()).toBe(String(results.indexOf('created')));
  });

  test('all win where conditional writes are off, as on older servers', async () => {
    const s3 = await start({ conditionalWrites: false });
    expect(await creations(s3)).toEqual(Array(20).fill('created'));
  });
});

test('an object is replaced only if it is the one that the client knows', async () => {
  const { client, content } = await start();
  const put = async (Body: string, conditions = {}): Promise<string | undefined> => {
    const object = { Bucket: BUCKET, Key: 'guarded', Body, ...conditions };
    return (await client.send(new PutObjectCommand(object))).ETag;
  };
  await expect(put('none', { IfMatch: '"0"' })).rejects.toMatchObject({ name: 'NoSuchKey' });
  const first = await put('first', { IfNoneMatch: '*' });
  const second = await put('second', { IfMatch: first });
  await expect(put('third', { IfMatch: first })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  expect((await content('guarded')).toString()).toBe('second');
  const results = await Promise.allSettled(['x', 'y', 'z'].map(async (one) => put(one, { IfMatch: second })));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

function bodyOf(key: string, round: number): string {
  return `${key} ${round} `.repeat(1 + ((round * 997) % 5000));
}
