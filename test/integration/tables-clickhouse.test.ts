import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ClickHouseDestination } from '../../src/destinations/clickhouse/insert.js';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { createClickHouseCopier } from '../../src/pipelines/tables/destinations/clickhouse.js';
import type { Copier } from '../../src/pipelines/tables/destinations/copier.js';
import { useMariaDb, type TestDatabase } from '../support/mariadb.js';
import {
  archiveOnce,
  deliver,
  deliverAll,
  discover,
  insertScores,
  LOG_SCORES,
  openArchive,
  type Archive,
  type ArchiveOptions,
} from '../support/tables.js';
import { useEngines } from '../support/test-engines.js';

const server = useMariaDb('tables-clickhouse');
const engine = useEngines('tables-clickhouse', ({ dir }) => startClickHouse({ dir }));
let database: TestDatabase;
let client: ClickHouseDestination;
const opened: Archive[] = [];
let made = 0;
const FOREVER = new AbortController().signal;

beforeEach(async () => {
  database = await server().database();
  await database.run(LOG_SCORES);
  made += 1;
  const { settings } = loadSettings({ flags: {}, environment: {} });
  const log = silentLog();
  const admin = new ClickHouseDestination({ dsn: `${engine().url}/default`, settings, log });
  await admin.command(`CREATE DATABASE archive_${String(made)}`, FOREVER);
  await admin.close();
  client = new ClickHouseDestination({ dsn: `${engine().url}/archive_${String(made)}`, settings, log });
});

afterEach(async () => {
  for (const archive of opened.splice(0)) await archive.end();
  await client.close();
});

async function open(options: ArchiveOptions = {}): Promise<Archive> {
  const archive = await openArchive(database, {
    copiers: (_directory, source): readonly Copier[] => [
      createClickHouseCopier({ client, database: source }),
    ],
    ...options,
  });
  opened.push(archive);
  return archive;
}

async function rows<Row>(schema: z.ZodType<Row>, sql: string): Promise<Row[]> {
  return client.query(schema, sql, FOREVER);
}

const count = z.object({ rows: z.coerce.number(), keys: z.coerce.number() });
const COUNT = 'SELECT count() AS rows, uniqExact(id) AS keys FROM log_scores';

test('rows go into the table in the form in which existing archives have it', async () => {
  await database.run(insertScores(1, 3000, '2026-10-31 23:50:00'));
  const archive = await open();
  const pipeline = archive.pipeline('clickhouse');
  await archiveOnce(pipeline);
  expect(await rows(count, COUNT)).toEqual([{ rows: 3000, keys: 3000 }]);
  const row = z.record(z.string(), z.unknown());
  expect(await rows(row, 'SELECT * FROM log_scores WHERE id = 20')).toEqual([
    {
      ...{
        dt: '2026-10-31',
        id: 20,
        monitor_id: 20,
        server_id: 20,
        ts: '2026-10-31 23:50:19',
        score: -4,
        step: -0.5,
      },
      ...{ offset: expect.closeTo(-0.009998, 8), rtt: null, leap: null, warning: null, error: 'i/o timeout' },
    },
  ]);
  expect(
    await rows(
      row,
      "SELECT partition_key, sorting_key FROM system.tables WHERE database = currentDatabase() AND name = 'log_scores'",
    ),
  ).toEqual([{ partition_key: 'dt', sorting_key: 'server_id, ts' }]);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 3000, missing: 0, duplicated: 0 });
});

test('known fault: a crash between store and status doubles nothing, however much of the batch is there', async () => {
  await database.run(insertScores(1, 2000));
  const archive = await open();
  const pipeline = archive.pipeline('clickhouse');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  await deliver(pipeline, order);
  // A processor that died here has not committed.
  await deliver(pipeline, order);
  expect(await rows(count, COUNT)).toEqual([{ rows: 2000, keys: 2000 }]);
  await client.command('DELETE FROM log_scores WHERE id % 3 = 0', FOREVER);
  await pipeline.commit(order, await deliver(pipeline, order));
  expect(await rows(count, COUNT)).toEqual([{ rows: 2000, keys: 2000 }]);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 2000, missing: 0, duplicated: 0 });
});

test('late rows and an order that is repeated beside them leave each row once', async () => {
  await database.run(insertScores(1, 99));
  await database.run(insertScores(101, 200));
  const archive = await open();
  const pipeline = archive.pipeline('clickhouse');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  await database.run(insertScores(100, 100));
  const late = await pipeline.findLate({ windowHours: 1 });
  for (const one of late.orders) await pipeline.commit(one, await deliver(pipeline, one));
  await pipeline.commit(order, await deliver(pipeline, order));
  expect(await rows(count, COUNT)).toEqual([{ rows: 200, keys: 200 }]);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 200, missing: 0, duplicated: 0 });
});

test('a deep audit sees rows that are missing in ClickHouse, and rows that are there twice', async () => {
  await database.run(insertScores(1, 100));
  const archive = await open({ flags: { 'tables.clickhouse-batch-max': '50' } });
  const pipeline = archive.pipeline('clickhouse');
  await archiveOnce(pipeline);
  await client.command('DELETE FROM log_scores WHERE id IN (1, 2)', FOREVER);
  await client.command('INSERT INTO log_scores SELECT * FROM log_scores WHERE id = 60', FOREVER);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 98, missing: 2, duplicated: 1 });
});

test('a table of other columns is made from their types', async () => {
  await database.run(
    "CREATE TABLE events (event BIGINT UNSIGNED PRIMARY KEY, at DATETIME(6) NOT NULL, price DECIMAL(12, 3), day DATE, note TEXT, big BIGINT UNSIGNED, kind ENUM('a', 'b'))",
  );
  await database.run(
    "INSERT INTO events VALUES (1, '2026-11-30 01:02:03.000004', -12.345, '1999-12-31', 'né', 18446744073709551615, 'b'), (2, '2026-11-30', NULL, NULL, NULL, NULL, NULL)",
  );
  const archive = await open({ flags: { 'tables.names': 'events:event:at' } });
  await archiveOnce(archive.pipeline('clickhouse'));
  const row = z.record(z.string(), z.unknown());
  expect(
    await rows(
      row,
      'SELECT toString(event) AS event, toString(at) AS at, toString(price) AS price, toString(day) AS day, note, toString(big) AS big, kind FROM events ORDER BY event',
    ),
  ).toEqual([
    ...[
      {
        event: '1',
        at: '2026-11-30 01:02:03.000004',
        price: '-12.345',
        day: '1999-12-31',
        note: 'né',
        big: '18446744073709551615',
        kind: 'b',
      },
    ],
    ...[
      {
        event: '2',
        at: '2026-11-30 00:00:00.000000',
        price: null,
        day: null,
        note: null,
        big: null,
        kind: null,
      },
    ],
  ]);
});

test('a ClickHouse that is away is told apart from one that refuses', async () => {
  await database.run(insertScores(1, 10));
  const { settings } = loadSettings({ flags: {}, environment: {} });
  const away = new ClickHouseDestination({ dsn: 'http://127.0.0.1:9/none', settings, log: silentLog() });
  const archive = await open({
    copiers: (_, source) => [createClickHouseCopier({ client: away, database: source })],
  });
  const pipeline = archive.pipeline('clickhouse');
  await discover(pipeline);
  const error: unknown = await deliverAll(pipeline).catch((thrown: unknown) => thrown);
  expect(pipeline.engineAwayOf(error)).toBe('clickhouse-rows');
});

test('an order that is open keeps its rows; one that comes late meanwhile is delivered once, by an order of its own', async () => {
  await database.run(insertScores(1, 9));
  await database.run(insertScores(11, 20));
  const archive = await open();
  const pipeline = archive.pipeline('clickhouse');
  expect((await discover(pipeline)).orders).toMatchObject([{ records: 19 }]);
  await database.run(insertScores(10, 10));
  expect(await pipeline.findLate({ windowHours: 1 })).toMatchObject({ orders: [{ records: 1 }] });
  expect(await pipeline.findLate({ windowHours: 1 })).toMatchObject({ orders: [] });
  const orders = await deliverAll(pipeline);
  expect(orders.map(({ records }) => records).sort((a, b) => a - b)).toEqual([1, 19]);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 20, missing: 0, duplicated: 0 });
  expect(await rows(count, COUNT)).toEqual([{ rows: 20, keys: 20 }]);
});

test('as many rows as were ordered are not enough: they must be the same', async () => {
  await database.run(insertScores(1, 9));
  await database.run(insertScores(11, 20));
  const archive = await open();
  const pipeline = archive.pipeline('clickhouse');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  await deliver(pipeline, order);
  // As when an insert was cut short, and a late row got there since this attempt began.
  await client.command(
    'INSERT INTO log_scores SELECT * REPLACE (10 AS id) FROM (SELECT * FROM log_scores WHERE id = 9)',
    FOREVER,
  );
  await client.command('DELETE FROM log_scores WHERE id = 5', FOREVER);
  await expect(deliver(pipeline, order)).rejects.toMatchObject({ name: 'OtherRowsError' });
  await database.run(insertScores(10, 10));
  for (const late of (await pipeline.findLate({ windowHours: 1 })).orders)
    await pipeline.commit(late, await deliver(pipeline, late));
  await pipeline.commit(order, await deliver(pipeline, order));
  expect(await rows(count, COUNT)).toEqual([{ rows: 20, keys: 20 }]);
  expect(await pipeline.audit({ deep: true })).toMatchObject({ delivered: 20, missing: 0, duplicated: 0 });
});
