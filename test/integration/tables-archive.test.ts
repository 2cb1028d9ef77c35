import { readdir } from 'node:fs/promises';
import { beforeEach, expect, test } from '@jest/globals';
import { range, useArchives } from '../support/archives.js';
import {
  archiveOnce,
  deliver,
  deliverAll,
  discover,
  insertScores,
  keysInFiles,
  LOG_SCORES,
  rowsInFiles,
} from '../support/tables.js';

const { database, open } = useArchives('tables-archive');

beforeEach(async () => {
  await database().run(LOG_SCORES);
});

async function status(archiver = 'fileavro'): Promise<unknown> {
  const [row] = await database().rows(
    'SELECT log_score_id AS id FROM log_scores_archive_status WHERE archiver = ?',
    [archiver],
  );
  return row === undefined ? undefined : row['id'];
}

test('rows are copied as they are, into files that are named by their first row', async () => {
  await database().run(insertScores(1, 25));
  const archive = await open({ flags: { 'tables.avro-batch-max': '10' } });
  const pipeline = archive.pipeline('fileavro');
  await archiveOnce(pipeline);
  expect((await readdir(archive.directory)).sort()).toEqual([
    '1793491200-1.avro',
    '1793491210-11.avro',
    '1793491220-21.avro',
  ]);
  const rows = await rowsInFiles(archive.directory);
  expect(rows).toHaveLength(25);
  expect(rows[19]).toEqual({
    ...{ id: 20n, server_id: 20, monitor_id: 20, ts: 1_793_491_219_000_000n, score: -4, step: -0.5 },
    ...{ offset: Math.fround(20 / 1e7 - 0.01), rtt: null, leap: null, error: 'i/o timeout' },
  });
  expect(rows[9]).toMatchObject({ leap: 2, error: null });
  expect(rows[6]).toMatchObject({ monitor_id: 0, rtt: 7 });
  expect(await status()).toBe(25);
  expect(await pipeline.audit({ deep: true })).toMatchObject({
    records: 25,
    delivered: 25,
    missing: 0,
    duplicated: 0,
  });
});

test('a table without rtt and attributes is copied with nulls in their place', async () => {
  await database().run('ALTER TABLE log_scores DROP COLUMN rtt, DROP COLUMN attributes');
  await database().run('INSERT INTO log_scores (id, server_id, monitor_id) VALUES (1, 5, 6)');
  const archive = await open();
  await archiveOnce(archive.pipeline('fileavro'));
  expect(await rowsInFiles(archive.directory)).toEqual([
    expect.objectContaining({ id: 1n, offset: null, rtt: null, leap: null, error: null }),
  ]);
});

test('invariant 1: an order that is delivered twice leaves one file of the same bytes', async () => {
  await database().run(insertScores(1, 1000));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  const first = await deliver(pipeline, order);
  // A processor that died here has not committed; more rows have come in.
  await database().run(insertScores(1001, 2000));
  const second = await deliver(pipeline, order);
  expect(second.objects).toEqual(first.objects);
  await pipeline.commit(order, second);
  await pipeline.commit(order, first);
  expect(await keysInFiles(archive.directory)).toEqual(range(1, 1000));
  expect(await deliver(pipeline, order)).toMatchObject({ already: 'delivered', records: 1000 });
  expect(await status()).toBe(1000);
});

test('invariant 2: the status never moves past an order that is not delivered, nor back', async () => {
  await database().run(insertScores(1, 30));
  const archive = await open({ flags: { 'tables.avro-batch-max': '10' } });
  const pipeline = archive.pipeline('fileavro');
  const { orders } = await discover(pipeline);
  const [first, second, third] = orders;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three are needed');
  await pipeline.commit(third, await deliver(pipeline, third));
  expect(await status()).toBeNull();
  await pipeline.commit(first, await deliver(pipeline, first));
  expect(await status()).toBe(10);
  await pipeline.fail(second, {
    code: 'ENOSPC',
    reason: 'the disk is full',
    objects: [],
    targets: [archive.directory],
  });
  expect(await pipeline.failures()).toMatchObject([
    { code: 'ENOSPC', orders: 1, records: 10, sources: ['log_scores'] },
  ]);
  const failed = await pipeline.failed({});
  expect(failed).toMatchObject([{ order: { id: second.id }, code: 'ENOSPC' }]);
  await pipeline.reopen([second]);
  await deliverAll(pipeline);
  expect(await status()).toBe(30);
  await pipeline.fail(second, {
    code: 'Late',
    reason: 'a failure that comes after the delivery',
    objects: [],
  });
  expect(await pipeline.find(second.id)).toMatchObject({ state: 'delivered' });
  expect(await keysInFiles(archive.directory)).toEqual(range(1, 30));
});

test('an order that is given up lets the status go on, and is told apart by the audit', async () => {
  await database().run(insertScores(1, 20));
  const archive = await open({ flags: { 'tables.avro-batch-max': '10' } });
  const pipeline = archive.pipeline('fileavro');
  const [first] = (await discover(pipeline)).orders;
  if (first === undefined) throw new Error('nothing was ordered');
  await expect(pipeline.skip('0123456789abcdef', { by: 'ann', reason: 'none' })).rejects.toThrow(
    'no work order',
  );
  expect(await pipeline.skip(first.id, { by: 'ann', reason: 'the rows are wrong' })).toMatchObject({
    skip: { by: 'ann', records: 10 },
  });
  expect(await deliver(pipeline, first)).toMatchObject({ already: 'skipped' });
  await deliverAll(pipeline);
  expect(await status()).toBe(20);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 10, skipped: 10, missing: 0 });
  expect(await pipeline.status()).toMatchObject({ skippedRecords: 10, orders: { delivered: 1, skipped: 1 } });
});

test('a batch waits until it is large enough, and until the last one is as old as the destination wants', async () => {
  await database().run(insertScores(1, 40));
  const flags = { 'tables.avro-batch-min': '50', 'tables.avro-interval-seconds': '86400' };
  const archive = await open({ flags });
  const pipeline = archive.pipeline('fileavro');
  expect((await discover(pipeline)).orders).toEqual([]);
  await database().run(insertScores(41, 60));
  expect(await archiveOnce(pipeline)).toHaveLength(1);
  await database().run(insertScores(61, 200));
  expect((await discover(pipeline)).orders).toEqual([]);
  await database().run('UPDATE log_courier_orders SET ordered_at = ordered_at - INTERVAL 1 DAY');
  expect(await archiveOnce(pipeline)).toHaveLength(1);
  expect(await keysInFiles(archive.directory)).toEqual(range(1, 200));
});

test('rows that somebody deleted before they were copied keep the order from being delivered, and leave no file', async () => {
  await database().run(insertScores(1, 100));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  await database().run('DELETE FROM log_scores WHERE id = 50');
  await expect(deliver(pipeline, order)).rejects.toThrow('100 rows were ordered but 99 are there now');
  expect(await keysInFiles(archive.directory)).toEqual([]);
});

test('known fault: ids that commit out of order are not skipped: a batch ends before a young gap', async () => {
  const late = await database().pool.getConnection();
  try {
    await database().run(insertScores(1, 10));
    await late.beginTransaction();
    await late.query('INSERT INTO log_scores (server_id) VALUES (7)');
    await database().run('INSERT INTO log_scores (server_id) VALUES (8), (9)');
    const archive = await open({ flags: { 'tables.settle-seconds': '3600' } });
    const pipeline = archive.pipeline('fileavro');
    await archiveOnce(pipeline);
    expect(await keysInFiles(archive.directory)).toEqual(range(1, 10));
    await late.commit();
    await archiveOnce(pipeline);
    expect(await keysInFiles(archive.directory)).toEqual(range(1, 13));
    expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 13, missing: 0, undelivered: 0 });
  } finally {
    late.release();
  }
});

test('known fault: a row that commits behind a committed boundary is found and delivered, once', async () => {
  const late = await database().pool.getConnection();
  try {
    await late.beginTransaction();
    await late.query('INSERT INTO log_scores (id, server_id) VALUES (500, 7)');
    await database().run(insertScores(1, 499));
    await database().run(insertScores(501, 900));
    const archive = await open();
    const pipeline = archive.pipeline('fileavro');
    await archiveOnce(pipeline);
    expect(await status()).toBe(900);
    await late.commit();
    expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 899, missing: 1 });
    expect(await pipeline.findLate({ windowHours: 1 })).toMatchObject({
      records: 1,
      orders: [{ records: 1 }],
    });
    // A second look, before the first one's order is delivered, finds nothing more.
    expect(await pipeline.findLate({ windowHours: 1 })).toMatchObject({ records: 0, orders: [] });
    await deliverAll(pipeline);
    expect(await keysInFiles(archive.directory)).toEqual(range(1, 900));
    expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 900, missing: 0, duplicated: 0 });
  } finally {
    late.release();
  }
});

test('an order holds the rows that were there when it was made, whatever comes in between', async () => {
  await database().run(insertScores(1, 9));
  await database().run(insertScores(11, 20));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  const before = await deliver(pipeline, order);
  await database().run(insertScores(10, 10));
  expect(await deliver(pipeline, order)).toEqual(before);
});
