import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3';
import { loadSettings } from '../../src/config/load.js';
import { CreateBucketError, createMissingBuckets } from '../../src/destinations/s3/buckets.js';
import { createS3Client } from '../../src/destinations/s3/client.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startS3 } from '../../src/embedded/s3.js';

let dir: string;
let engine: Engine;
let client: S3Client;

function clientWith(flags: Readonly<Record<string, string>>): S3Client {
  const access = { 's3.access-key-id': 'S3RVER', 's3.secret-access-key': 'S3RVER' };
  return createS3Client(loadSettings({ flags: { ...access, ...flags }, environment: {} }).settings);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-s3-'));
  engine = await startS3({ dir });
  client = clientWith({ 's3.endpoint': engine.url });
});

afterAll(async () => {
  client.destroy();
  await engine.stop();
  await rm(dir, { recursive: true });
});

test('buckets that are missing are created, and those that are there are left alone', async () => {
  expect(await createMissingBuckets(client, ['first-logs'])).toEqual(['first-logs']);
  expect(await createMissingBuckets(client, ['first-logs', 'second-logs'])).toEqual(['second-logs']);
  const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
  expect(Buckets.map(({ Name }) => Name)).toEqual(expect.arrayContaining(['first-logs', 'second-logs']));
});

test('a bucket that S3 refuses is named in the error', async () => {
  const creating = createMissingBuckets(client, ['No_Such_Name']);
  await expect(creating).rejects.toThrow(CreateBucketError);
  await expect(creating).rejects.toThrow(/^create bucket No_Such_Name: S3 answered InvalidBucketName/);
});

test('an S3 that is not there is an error after the attempts that the settings allow', async () => {
  const nowhere = clientWith({
    's3.endpoint': 'http://127.0.0.1:1',
    's3.max-retry-attempts': '2',
    's3.max-backoff-delay-seconds': '0',
  });
  const creating = createMissingBuckets(nowhere, ['first-logs']);
  await expect(creating).rejects.toThrow(/ECONNREFUSED/);
  await expect(creating).rejects.toMatchObject({ cause: { $metadata: { attempts: 2 } } });
  nowhere.destroy();
});
