import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sha256Of } from '../../src/pipelines/manifest.js';
import type { StoredObject } from '../support/access-logs.js';
import { runCli } from '../support/cli.js';
import {
  chainOf,
  deliverTo,
  KEY_PREFIX,
  logObjects,
  newBucket,
  put,
  remove,
  stored,
  verify,
  write,
} from '../support/manifests.js';
import { at, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

describe('a manifest', () => {
  test('names what was delivered, with counts and digests, and the one before it', async () => {
    const store = await open();
    const bucket = await chainOf(store, 2);
    const [first, second] = await stored(store, bucket);
    const [object] = await logObjects(store, bucket);
    expect(first).toMatchObject({
      key: 'logs/log-courier-manifests/000000000001.json',
      contentType: 'application/json',
      metadata: { 'log-courier-sha256': sha256Of(first?.text ?? '') },
      manifest: {
        version: 1,
        pipeline: 'access-logs',
        bucket,
        prefix: 'logs/',
        sequence: 1,
        previous: null,
        objects: [
          {
            key: object?.key,
            records: 3,
            bytes: Buffer.byteLength(object?.text ?? ''),
            sha256: sha256Of(object?.text ?? ''),
            order: object?.metadata['log-courier-order'],
            source: 'source-bucket',
          },
        ],
      },
    });
    const previous = { key: first?.key, sha256: sha256Of(first?.text ?? '') };
    expect(second?.manifest).toMatchObject({ sequence: 2, previous });
    expect(await store.counted('manifests_written_total')).toBe(2);
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 2, objects: 2, records: 6 });
  });
});

describe('a chain', () => {
  test('of a dozen links, one of an object delivered again, is verified, and what does not fit is named', async () => {
    const store = await open();
    const bucket = await chainOf(store, 10);
    const before = await logObjects(store, bucket);
    await store.insertRecords([
      { loggingTargetBucket: bucket, loggingTargetPrefix: 'logs/', insertedAt: at(0), req_id: 'A' },
    ]);
    await store.settle((await store.pipeline.findLate({ windowHours: 6 })).orders);
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 10, objects: 9, newer: 1 });
    expect(await write(store)).toMatchObject({ manifests: 1, objects: 1 });
    await deliverTo(store, bucket, 'logs/', 200);
    await write(store);
    const chain = await stored(store, bucket);
    const objects = await logObjects(store, bucket);
    const again = chain[10]?.manifest.objects[0];
    expect(again).toMatchObject({ records: 4, replaces: sha256Of(before[0]?.text ?? '') });
    expect(again?.key).toBe(before[0]?.key);
    const whole = { ok: true, manifests: 12, objects: 11, records: 34, newer: 0 };
    expect(await verify(store, bucket)).toMatchObject(whole);
    expect(await verify(store, bucket, { quick: true })).toMatchObject(whole);
    expect(await write(store)).toMatchObject({ targets: 1, manifests: 0, failures: 0 });

    const [first, , , fourth, fifth] = chain;
    const [object, other] = objects;
    if (first === undefined || fourth === undefined || fifth === undefined)
      throw new Error('links are missing');
    if (object === undefined || other === undefined) throw new Error('objects are missing');
    const altered = (text: string): string => text.replace('GET', 'PUT');
    const digests = `sha256 ${sha256Of(altered(object.text))}, manifest 11 says sha256 ${sha256Of(object.text)}`;
    const cases: readonly (readonly [victim: StoredObject, body: string | undefined, problem: object])[] = [
      [
        object,
        altered(object.text),
        { kind: 'object-altered', detail: `object ${object.key}: its content has ${digests}` },
      ],
      [other, `${other.text}more\n`, { kind: 'object-altered', key: other.key, manifest: 2 }],
      [other, undefined, { kind: 'object-gone', detail: `object ${other.key} is gone; manifest 2 names it` }],
      [
        fourth,
        fourth.text.replace('"records":3', '"records":2'),
        {
          kind: 'manifest-altered',
          key: fourth.key,
          detail: 'manifest 4 was altered: manifest 5 names another digest',
        },
      ],
      [fourth, 'nonsense', { kind: 'manifest-altered', key: fourth.key, manifest: 4 }],
      [fifth, undefined, { kind: 'manifest-missing', key: fifth.key, detail: 'manifest 5 is missing' }],
      [first, undefined, { kind: 'manifest-missing', manifest: 1 }],
    ];
    for (const [victim, body, problem] of cases) {
      if (body === undefined) await remove(store, bucket, victim.key);
      else await put(store, bucket, victim.key, body, victim);
      expect(await verify(store, bucket)).toMatchObject({ ok: false, problem });
      await put(store, bucket, victim.key, victim.text, victim);
    }
    await put(store, bucket, other.key, `${other.text}more\n`, other);
    expect(await verify(store, bucket, { quick: true })).toMatchObject({ problem: { key: other.key } });
    await put(store, bucket, other.key, other.text, other);
    expect(await verify(store, bucket)).toMatchObject(whole);

    for (const link of chain.slice(0, 3)) await remove(store, bucket, link.key);
    expect((await verify(store, bucket)).problem?.detail).toContain('begin with --from 4');
    expect(await verify(store, bucket, { from: 4 })).toMatchObject({ ok: true, manifests: 9, objects: 9 });
    const last = chain.at(-1);
    await remove(store, bucket, last?.key ?? '');
    const expected = sha256Of(last?.text ?? '');
    const shortened = await verify(store, bucket, { from: 4, expected });
    expect(shortened).toMatchObject({ ok: false, problem: { kind: 'manifest-unknown' } });
  }, 120_000);

  test('is one for each prefix, though one prefix begins with another', async () => {
    const store = await open();
    const bucket = await newBucket(store);
    const prefixes = ['', 'a/', 'a/b/', KEY_PREFIX];
    for (const [position, prefix] of prefixes.entries())
      await deliverTo(store, bucket, prefix, position * 10, `source-${position}`);
    expect(await write(store)).toMatchObject({ targets: 4, manifests: 4, objects: 4 });
    await deliverTo(store, bucket, 'a/', 100, 'source-1');
    expect(await write(store)).toMatchObject({ manifests: 1, objects: 1 });
    for (const prefix of prefixes) {
      const count = prefix === 'a/' ? 2 : 1;
      const found = await verify(store, bucket, { prefix });
      expect(found).toMatchObject({ ok: true, manifests: count, objects: count });
    }
    expect(await store.pipeline.audit({ deep: true })).toMatchObject({
      missing: 0,
      duplicated: 0,
      objects: 5,
    });
  });

  test('begins anew with another key prefix, and names again what was delivered', async () => {
    const store = await open();
    const bucket = await chainOf(store, 2);
    const keyPrefix = 'proofs-';
    const other = await store.another({ 'manifest.key-prefix': keyPrefix });
    expect(await write(other)).toMatchObject({ manifests: 1, objects: 2 });
    const renamed = await verify(store, bucket, { keyPrefix });
    expect(renamed).toMatchObject({ ok: true, manifests: 1, objects: 2 });
    expect(await verify(store, bucket)).toMatchObject({ ok: true, manifests: 2, objects: 2 });
  });

  test('has several manifests when there are very many objects', async () => {
    const store = await open();
    const bucket = await chainOf(store, 1);
    await store.command(
      `INSERT INTO ${store.tables.workOrders} SELECT o.* REPLACE (
         toString(number) AS orderId, arrayMap(i -> 'logs/', range(2500)) AS objectPrefixes,
         arrayMap(i -> (o.objects[1].1, concat('logs/', toString(number), '-', toString(i)), 1, 1, o.objects[1].5), range(2500)) AS objects)
       FROM ${store.tables.workOrders} AS o CROSS JOIN numbers(5) AS n WHERE o.state = 'delivered'`,
    );
    expect(await write(store)).toMatchObject({ manifests: 2, objects: 12_500, failures: 0 });
    const chain = await stored(store, bucket);
    expect(chain.map(({ manifest }) => manifest.objects.length)).toEqual([1, 10_000, 2500]);
    expect(new Set(chain.flatMap(({ manifest }) => manifest.objects.map(({ key }) => key))).size).toBe(
      12_501,
    );
    expect(await write(store)).toMatchObject({ manifests: 0 });
  });
});

describe('log-courier verify-manifest', () => {
  test('needs S3 alone, and says what it found', async () => {
    const store = await open();
    const bucket = await chainOf(store, 2);
    const environment = {
      S3_ENDPOINT: store.settings['s3.endpoint'],
      S3_ACCESS_KEY_ID: store.settings['s3.access-key-id'],
      S3_SECRET_ACCESS_KEY: store.settings['s3.secret-access-key'],
    };
    const words = ['verify-manifest', '--bucket', bucket, '--prefix', 'logs/'];
    const [, last] = await stored(store, bucket);
    const digest = sha256Of(last?.text ?? '');
    const well = await runCli([...words, '--expect', digest], { environment });
    expect(well).toMatchObject({ status: 0, stderr: '' });
    expect(well.stdout).toContain(`2 manifests, 2 objects with 6 records are as the manifests say`);
    expect(well.stdout).toContain(`the last is manifest 2, sha256 ${digest}`);
    const [object] = await logObjects(store, bucket);
    await remove(store, bucket, object?.key ?? '');
    const { status, stdout } = await runCli([...words, '--json', '--quick'], { environment });
    expect(status).toBe(1);
    expect(z.unknown().parse(JSON.parse(stdout))).toMatchObject({
      bucket,
      prefix: 'logs/',
      manifests: 2,
      ok: false,
      problem: { kind: 'object-gone', key: object?.key, manifest: 1 },
    });
    const nowhere = await runCli(['verify-manifest', '--bucket', bucket], { environment });
    expect(nowhere).toMatchObject({ status: 1 });
    expect(nowhere.stdout).toContain('there is no manifest');
  });
});
