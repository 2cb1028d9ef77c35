import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { parseManifest, type Manifest } from '../../src/pipelines/manifest.js';
import type { ManifestRun } from '../../src/pipelines/manifest-writer.js';
import {
  verifyManifests,
  type Verification,
  type VerifyOptions,
} from '../../src/pipelines/manifest-verifier.js';
import type { StoredObject, TestStore } from './access-logs.js';
import { at, records } from './test-stores.js';

/** `manifest.key-prefix` as it is by default. */
export const KEY_PREFIX = 'log-courier-manifests/';
/** Aborted never. */
export const never = new AbortController().signal;
let names = 0;

/** A new bucket, so that the tests of this file do not meet. */
export async function newBucket(store: TestStore): Promise<string> {
  names += 1;
  const bucket = `manifest-logs-${names}`;
  await store.createBucket(bucket);
  return bucket;
}

/** Runs the writing of manifests once. */
export async function write(store: TestStore, leaseRemainingMs = 60_000): Promise<ManifestRun> {
  const run = await store.pipeline.writeManifests?.({
    signal: never,
    leaseRemainingMs: () => leaseRemainingMs,
  });
  if (run === undefined) throw new Error('the pipeline writes no manifests');
  return run;
}

/** Inserts records for a target, and delivers them as one object. */
export async function deliverTo(
  store: TestStore,
  bucket: string,
  prefix = 'logs/',
  second = 0,
  source = 'source-bucket',
): Promise<void> {
  const target = { loggingTargetBucket: bucket, loggingTargetPrefix: prefix, bucketName: source };
  await store.insertRecords(records(3, { ...target, insertedAt: at(second) }));
  const { orders } = await store.discover();
  await store.settle(orders);
}

/** Verifies a chain of prefix `logs/`, unless told otherwise. */
export async function verify(
  store: TestStore,
  bucket: string,
  more: Partial<VerifyOptions> = {},
): Promise<Verification> {
  const options = { bucket, prefix: 'logs/', keyPrefix: KEY_PREFIX, quick: false, signal: never, ...more };
  return verifyManifests(store.s3, options);
}

/** The manifests of a prefix, as they stand in S3. */
export async function stored(
  store: TestStore,
  bucket: string,
  prefix = 'logs/',
): Promise<(StoredObject & { readonly manifest: Manifest })[]> {
  const objects = await store.readObjects(bucket);
  return objects.flatMap((object) => {
    const manifest = object.key.startsWith(prefix + KEY_PREFIX) ? parseManifest(object.text) : undefined;
    return manifest === undefined ? [] : [{ ...object, manifest }];
  });
}

/** The log objects of a bucket. */
export async function logObjects(store: TestStore, bucket: string): Promise<StoredObject[]> {
  return (await store.readObjects(bucket)).filter(({ key }) => !key.includes(KEY_PREFIX));
}

/** Writes an object, with the metadata of another one when it is given. */
export async function put(
  store: TestStore,
  bucket: string,
  key: string,
  body: string,
  from?: StoredObject,
): Promise<void> {
  const metadata = from === undefined ? {} : { Metadata: { ...from.metadata } };
  await store.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...metadata }));
}

/** Deletes an object. */
export async function remove(store: TestStore, bucket: string, key: string): Promise<void> {
  await store.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
}

/** A chain of so many manifests with one object each. */
export async function chainOf(store: TestStore, length: number): Promise<string> {
  const bucket = await newBucket(store);
  for (let second = 0; second < length; second += 1) {
    await deliverTo(store, bucket, 'logs/', second * 10);
    expect(await write(store)).toMatchObject({ manifests: 1, objects: 1, failures: 0 });
  }
  return bucket;
}
