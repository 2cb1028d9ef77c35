import { DeleteBucketCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ManifestTable } from '../../src/pipelines/access-logs/manifests.js';
import { writtenManifest, type WrittenManifest } from '../../src/pipelines/manifest.js';
import { writeDueManifests } from '../../src/processors/manifests.js';
import {
  chainOf,
  deliverTo,
  KEY_PREFIX,
  logObjects,
  never,
  newBucket,
  put,
  remove,
  stored,
  verify,
  write,
} from '../support/manifests.js';
import { useTestStores } from '../support/test-stores.js';

const open = useTestStores();

describe('one chain comes of it', () => {
  test('when several write at once', async () => {
    const store = await open();
    const bucket = await newBucket(store);
    const others = [await store.another({}), await store.another({}), await store.another({})];
    for (let round = 0; round < 4; round += 1) {
      await deliverTo(store, bucket, 'logs/', round * 10);
      const runs = await Promise.all([store, ...others].map((one) => write(one)));
      expect(runs.reduce((sum, run) => sum + run.objects, 0)).toBeGreaterThan(0);
      expect(runs.map((run) => run.failures)).toEqual([0, 0, 0, 0]);
    }
    const chain = await stored(store, bucket);
    expect(chain.flatMap(({ manifest }) => manifest.objects)).toHaveLength(4);
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 4, objects: 4 });
  });

  test('when many write different manifests with the same sequence at the same moment', async () => {
    const store = await open();
    const table = new ManifestTable(store.clickhouse, store.tables, store.book, KEY_PREFIX);
    const target = { bucket: 'any-bucket', prefix: 'logs/' };
    const deadline = (await store.book.now()) + 60_000;
    let previous: WrittenManifest | undefined;
    for (let round = 0; round < 5; round += 1) {
      const wanted = Array.from({ length: 8 }, (_, writer) => {
        const createdAt = new Date(Date.now() + writer).toISOString();
        const draft = { ...target, pipeline: 'access-logs', createdAt, previous, objects: [] };
        return writtenManifest(draft, KEY_PREFIX);
      });
      const got = await Promise.all(
        wanted.map((manifest) => table.append(target, manifest, deadline, never)),
      );
      const [first] = got;
      expect(wanted.map(({ content }) => content)).toContain(first?.content);
      expect(got.every((one) => one?.content === first?.content)).toBe(true);
      previous = first;
    }
    const rows = await store.select(
      z.object({ sequence: z.number() }),
      `SELECT sequence FROM ${store.tables.manifests} WHERE proposal = '' ORDER BY sequence`,
    );
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  });

  test('when a writer wakes up after its lease has ended', async () => {
    const store = await open();
    const bucket = await chainOf(store, 1);
    await deliverTo(store, bucket, 'logs/', 10);
    expect(await write(store, -5)).toMatchObject({ manifests: 0, failures: 0 });
    expect(await stored(store, bucket)).toHaveLength(1);
    expect(await write(store)).toMatchObject({ manifests: 1 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 2, objects: 2 });
  });

  test('when a process ends between the table and S3, and the manifest is in S3 with the same bytes', async () => {
    const store = await open();
    const bucket = await chainOf(store, 3);
    const [, , last] = await stored(store, bucket);
    await remove(store, bucket, last?.key ?? '');
    expect(await write(store)).toMatchObject({ manifests: 0, failures: 0 });
    expect((await stored(store, bucket))[2]).toEqual(last);
  });

  test('when ClickHouse loses its table, and no object is named twice', async () => {
    const store = await open();
    const bucket = await chainOf(store, 3);
    await store.command(`TRUNCATE TABLE ${store.tables.manifests}`);
    expect(await write(store)).toMatchObject({ manifests: 0, failures: 0 });
    await store.command(`TRUNCATE TABLE ${store.tables.manifests}`);
    await deliverTo(store, bucket, 'logs/', 100);
    expect(await write(store)).toMatchObject({ manifests: 1, objects: 1 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 4, objects: 4 });
  });

  test('when ClickHouse has an older copy of its table', async () => {
    const store = await open();
    const bucket = await chainOf(store, 3);
    await store.command(
      `ALTER TABLE ${store.tables.manifests} DELETE WHERE sequence > 1 SETTINGS mutations_sync = 2`,
    );
    await deliverTo(store, bucket, 'logs/', 100);
    expect(await write(store)).toMatchObject({ manifests: 1, objects: 1 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 4, objects: 4 });
  });
});

describe('nothing is overwritten', () => {
  test.each([
    ['the last manifest, when it was altered', 1],
    ['what stands where the next one belongs', 2],
  ])('%s; the target gets no manifest until it is removed', async (_what, sequence) => {
    const store = await open();
    const bucket = await chainOf(store, 1);
    const other = await newBucket(store);
    const key = `logs/${KEY_PREFIX}${String(sequence).padStart(12, '0')}.json`;
    await put(store, bucket, key, '{}');
    await deliverTo(store, bucket, 'logs/', 10);
    await deliverTo(store, other, 'logs/', 0, 'another-source');
    expect(await write(store)).toMatchObject({ targets: 2, manifests: 1, failures: 1 });
    expect(await store.counted('manifest_failures_total')).toBe(1);
    expect((await store.readObjects(bucket)).find((object) => object.key === key)?.text).toBe('{}');
    await remove(store, bucket, key);
    expect(await write(store)).toMatchObject({ manifests: 1, failures: 0 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 2, objects: 2 });
  });
});

describe('a target that is gone', () => {
  test('keeps no other from getting its manifest, and gets its own when it is back', async () => {
    const store = await open();
    const bucket = await newBucket(store);
    const other = await newBucket(store);
    await deliverTo(store, bucket);
    await deliverTo(store, other, 'logs/', 0, 'another-source');
    const [object] = await logObjects(store, bucket);
    if (object === undefined) throw new Error('an object was expected');
    await remove(store, bucket, object.key);
    await store.s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    expect(await write(store)).toMatchObject({ targets: 2, manifests: 1, failures: 1 });
    await store.createBucket(bucket);
    await put(store, bucket, object.key, object.text, object);
    expect(await write(store)).toMatchObject({ manifests: 1, failures: 0 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 1, objects: 1 });
  });
});

describe('the maintenance task', () => {
  test('writes what is due, and says how much that was', async () => {
    const store = await open();
    await deliverTo(store, await newBucket(store));
    const context = { signal: never, leaseRemainingMs: () => 60_000 };
    const figures = { targets: 1, manifests: 1, objects: 1, failures: 0 };
    expect(await writeDueManifests(undefined, store, context)).toEqual({ found: true, figures });
    const again = { ...figures, manifests: 0, objects: 0 };
    expect(await writeDueManifests(undefined, store, context)).toEqual({ found: false, figures: again });
  });
});
