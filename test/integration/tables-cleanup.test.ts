import { beforeEach, expect, test } from '@jest/globals';
import { range, useArchives } from '../support/archives.js';
import type { Copier } from '../../src/pipelines/tables/destinations/copier.js';
import {
  archiveOnce,
  deliver,
  deliverAll,
  discover,
  filesCopier,
  insertScores,
  LOG_SCORES,
  type Archive,
} from '../support/tables.js';

const { database, open } = useArchives('tables-cleanup');

beforeEach(async () => {
  await database().run(LOG_SCORES);
});

/** Days ago, as the database writes it. */
function ago(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
}

async function keys(table = 'log_scores'): Promise<readonly unknown[]> {
  return (await database().rows(`SELECT id FROM ${table} ORDER BY id`)).map((row): unknown => row['id']);
}

async function noteOf(archive: Archive): Promise<string | undefined> {
  return (await archive.pipeline('cleanup').sources()).sources[0]?.note;
}

test('rows that are older than the retention and copied are deleted, oldest first, and no others', async () => {
  await database().run(insertScores(1, 300, ago(20)));
  await database().run(insertScores(301, 400, ago(10)));
  const archive = await open({ flags: { 'tables.cleanup-batch-max': '200' } });
  await archiveOnce(archive.pipeline('fileavro'));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual(range(201, 400));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual(range(301, 400));
  expect(await archiveOnce(archive.pipeline('cleanup'))).toEqual([]);
  expect(await archive.pipeline('fileavro').audit({ deep: true })).toMatchObject({
    delivered: 400,
    missing: 0,
  });
  expect(await archive.pipeline('cleanup').status()).toMatchObject({ orders: { delivered: 2 } });
});

test('never a row is deleted before every destination has it: the clean-up waits for one that is new, and says so', async () => {
  await database().run(insertScores(1, 100, ago(20)));
  const copiers = (directory: string): readonly Copier[] => [
    filesCopier(directory),
    { ...filesCopier(directory), archiver: 's3avro' },
  ];
  const archive = await open({ copiers });
  await archiveOnce(archive.pipeline('fileavro'));
  expect(await archiveOnce(archive.pipeline('cleanup'))).toEqual([]);
  expect(await noteOf(archive)).toContain('tables-s3avro is new');
  await archiveOnce(archive.pipeline('s3avro'));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual([]);
});

test('one destination that is down holds up no other; the clean-up waits and says why, and all catches up by itself', async () => {
  await database().run(insertScores(1, 100, ago(20)));
  let isDown = true;
  const copiers = (directory: string): readonly Copier[] => {
    const files = filesCopier(directory);
    return [
      files,
      {
        ...files,
        archiver: 's3avro',
        copy: (copy) => (isDown ? Promise.reject(new Error('the bucket is away')) : files.copy(copy)),
      },
    ];
  };
  const archive = await open({ copiers });
  await archiveOnce(archive.pipeline('fileavro'));
  isDown = false;
  await archiveOnce(archive.pipeline('s3avro'));
  isDown = true;
  await database().run(insertScores(101, 200, ago(20)));
  await archiveOnce(archive.pipeline('fileavro'));
  await expect(archiveOnce(archive.pipeline('s3avro'))).rejects.toThrow('the bucket is away');
  await database().run(insertScores(201, 300, ago(20)));
  await archiveOnce(archive.pipeline('fileavro'));
  await discover(archive.pipeline('s3avro'));
  expect(await archiveOnce(archive.pipeline('cleanup'))).toEqual([]);
  expect(await noteOf(archive)).toContain('tables-s3avro is behind: it has copied up to key 100');
  expect(await keys()).toEqual(range(1, 300));
  isDown = false;
  await deliverAll(archive.pipeline('s3avro'));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual([]);
});

test('known fault: the clean-up deletes from the table that it is configured for, from no other', async () => {
  await database().run('CREATE TABLE log_scores_test LIKE log_scores');
  await database().run(insertScores(1, 50, ago(20)));
  await database().run(insertScores(1, 50, ago(20), 'log_scores_test'));
  const archive = await open({ flags: { 'tables.names': 'log_scores_test' } });
  await archiveOnce(archive.pipeline('fileavro'));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys('log_scores_test')).toEqual([]);
  expect(await keys()).toEqual(range(1, 50));
});

test('a row that appeared late is not deleted before it is delivered, however old it is', async () => {
  await database().run(insertScores(1, 49, ago(20)));
  await database().run(insertScores(51, 100, ago(20)));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  await archiveOnce(pipeline);
  await database().run(insertScores(50, 50, ago(20)));
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual([50]);
  await discover(archive.pipeline('cleanup'));
  expect(await noteOf(archive)).toContain('1 row of old ones stay');
  await pipeline.findLate({ windowHours: 1 });
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual([50]);
  await deliverAll(pipeline);
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual([]);
});

test('a deletion that is done twice, or by two at once, deletes nothing else', async () => {
  await database().run(insertScores(1, 12_000, ago(20)));
  const archive = await open();
  await archiveOnce(archive.pipeline('fileavro'));
  const cleanup = archive.pipeline('cleanup');
  const [order] = (await discover(cleanup)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  // Rows that come in old, at keys within the range, are no part of it.
  await database().run(insertScores(12_001, 12_100, ago(20)));
  const receipts = await Promise.all([deliver(cleanup, order), deliver(cleanup, order)]);
  for (const receipt of receipts) await cleanup.commit(order, receipt);
  expect(await keys()).toEqual(range(12_001, 12_100));
  expect((await discover(cleanup)).orders).toEqual([]);
});

test('rows of an order that was given up stay', async () => {
  await database().run(insertScores(1, 20, ago(20)));
  const archive = await open({ flags: { 'tables.avro-batch-max': '10' } });
  const pipeline = archive.pipeline('fileavro');
  const [first] = (await discover(pipeline)).orders;
  if (first === undefined) throw new Error('nothing was ordered');
  await pipeline.skip(first.id, { by: 'ann', reason: 'not wanted' });
  await deliverAll(pipeline);
  await archiveOnce(archive.pipeline('cleanup'));
  expect(await keys()).toEqual(range(1, 10));
});
