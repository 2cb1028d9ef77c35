import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { loadSettings } from '../../src/config/load.js';
import { ClickHouseDestination } from '../../src/destinations/clickhouse/insert.js';
import { storeAwayOf } from '../../src/destinations/errors.js';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import type { Codec } from '../../src/formats/avro/codec.js';
import { avroFile, syncMarkerOf } from '../../src/formats/avro/writer.js';
import { silentLog } from '../../src/observability/log.js';
import { inBatches, LOGSCORE, logscores } from '../support/avro-rows.js';
import { startHttpProxy, type HttpProxy } from '../support/http-proxy.js';

const signal = new AbortController().signal;
let dir: string;
let engine: Engine;
let proxy: HttpProxy;
let clickhouse: ClickHouseDestination;

const { settings } = loadSettings({ flags: {}, environment: {} });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-destination-'));
  engine = await startClickHouse({ dir: join(dir, 'clickhouse') });
  proxy = await startHttpProxy(engine.url);
  clickhouse = open(proxy.url.replace('http://', 'clickhouse://someone:secret@'));
});

beforeEach(async () => {
  await clickhouse.command(
    'CREATE OR REPLACE TABLE log_scores (id UInt64, monitor_id UInt32, server_id UInt32, ts DateTime64(6), ' +
      'score Float32, step Float32, offset Nullable(Float64), rtt Nullable(UInt32), leap Nullable(UInt8), ' +
      'error Nullable(String)) ENGINE = MergeTree ORDER BY (server_id, ts) ' +
      'SETTINGS non_replicated_deduplication_window = 100',
    signal,
  );
  proxy.reset();
});

afterEach(() => {
  proxy.reset();
});

afterAll(async () => {
  await clickhouse.close();
  await proxy.close();
  await engine.stop();
  await rm(dir, { recursive: true });
});

function open(dsn: string): ClickHouseDestination {
  return new ClickHouseDestination({ dsn, settings, log: silentLog() });
}

function file(count: number, codec: Codec = 'deflate', from = 1): AsyncIterable<Uint8Array> {
  const rows = inBatches(logscores(count, from), 1000);
  return avroFile({ schema: LOGSCORE, codec, blockBytes: 10_000, rows, syncMarker: syncMarkerOf('order') });
}

async function inserted(): Promise<unknown> {
  const row = z.object({ rows: z.number(), ids: z.number(), sum: z.number(), nulls: z.number() });
  const sql =
    'SELECT count() AS rows, uniqExact(id) AS ids, sum(id) AS sum, countIf(offset IS NULL) AS nulls FROM log_scores';
  const [found] = await clickhouse.query(row, sql, signal);
  return found;
}

const all = { rows: 5000, ids: 5000, sum: 12_502_500, nulls: 1000 };
const insert = { sql: 'INSERT INTO log_scores FORMAT Avro', token: 'order-1', signal };

describe('an insert into ClickHouse', () => {
  test.each(['null', 'deflate', 'zstd'] as const)(
    'of an Avro file has each row, with codec %s',
    async (codec) => {
      await clickhouse.insertAvro({ ...insert, content: file(5000, codec) });
      expect(await inserted()).toEqual(all);
      const row = z.record(z.string(), z.unknown());
      const [first] = await clickhouse.query(row, 'SELECT * FROM log_scores WHERE id = 11', signal);
      expect(first).toEqual({
        id: 11,
        monitor_id: 11,
        server_id: 12,
        ts: '2023-11-14 22:13:20.011000',
        score: 2.75,
        step: 1,
        offset: 11 / 1024,
        rtt: 11,
        leap: 3,
        error: null,
      });
    },
  );

  test('that is made again under the same token leaves one copy', async () => {
    await clickhouse.insertAvro({ ...insert, content: file(5000) });
    await clickhouse.insertAvro({ ...insert, content: file(5000) });
    expect(await inserted()).toEqual(all);
    await clickhouse.insertAvro({ ...insert, token: 'order-2', content: file(10, 'null', 5001) });
    expect(await inserted()).toMatchObject({ rows: 5010, ids: 5010 });
  });

  test('that leaves out what is there leaves one copy, whatever the token', async () => {
    const columns = 'id, server_id, monitor_id, ts, score, step, offset, rtt, leap, error';
    const sql =
      `INSERT INTO log_scores (${columns}) SELECT ${columns} FROM input('id Int64, server_id Int32, monitor_id Int32, ` +
      'ts DateTime64(6), score Float32, step Float32, offset Nullable(Float32), rtt Nullable(Int32), ' +
      "leap Nullable(Int32), error Nullable(String)') WHERE id NOT IN (SELECT id FROM log_scores WHERE id " +
      'BETWEEN {first:UInt64} AND {last:UInt64}) FORMAT Avro';
    const parameters = { first: 1, last: 5000 };
    await clickhouse.insertAvro({ ...insert, sql, parameters, content: file(3000) });
    await clickhouse.insertAvro({ ...insert, sql, parameters, token: 'order-2', content: file(5000) });
    expect(await inserted()).toEqual(all);
  });

  test('whose content breaks off throws what the content threw', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* file(1000);
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    }
    const error: unknown = await clickhouse
      .insertAvro({ ...insert, content: failing() })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'Error', code: 'ECONNREFUSED' });
    expect(storeAwayOf(error)).toBeUndefined();
    expect(await inserted()).toMatchObject({ rows: 0 });
  });

  test('that is stopped ends with the reason', async () => {
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield* file(1000);
      stop.abort(new Error('stopped'));
      yield Buffer.from('more');
    }
    const stopped = clickhouse.insertAvro({ ...insert, content: stopping(), signal: stop.signal });
    await expect(stopped).rejects.toThrow('stopped');
    expect(await inserted()).toMatchObject({ rows: 0 });
  });

  test('into a table that is not there is a permanent failure, and says what ClickHouse says', async () => {
    const error: unknown = await clickhouse
      .insertAvro({ ...insert, sql: 'INSERT INTO missing FORMAT Avro', content: file(10) })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ store: 'clickhouse', code: 'ClickHouse60', permanent: true, away: false });
  });

  test('at a ClickHouse that is not there is away, and says which port was taken', async () => {
    const nowhere = open('clickhouse://someone:secret@127.0.0.1:9000/logs');
    const error: unknown = await nowhere
      .insertAvro({ ...insert, content: file(10) })
      .catch((thrown: unknown) => thrown);
    expect(storeAwayOf(error)).toBe('clickhouse');
    expect(String(error)).toContain('log-courier speaks HTTP, and takes port 8123');
    expect(String(error)).not.toContain('secret');
    expect(nowhere.place).toBe('http://127.0.0.1:8123/logs');
    await expect(nowhere.ping(signal)).rejects.toMatchObject({ away: true });
    await nowhere.close();
  });

  test('goes to a host that answers, of several', async () => {
    const both = open(`http://127.0.0.1:1,${proxy.url.replace('http://', '')}/default`);
    await both.insertAvro({ ...insert, content: file(5000) });
    await both.close();
    expect(await inserted()).toEqual(all);
  });
});

describe('an Avro file of ours', () => {
  test.each(['null', 'deflate', 'zstd'] as const)(
    'is read by ClickHouse’s file(), with codec %s',
    async (codec) => {
      const path = join(dir, `rows-${codec}.avro`);
      await writeFile(path, file(5000, codec));
      const row = z.object({
        rows: z.number(),
        ids: z.string(),
        score: z.number(),
        nulls: z.number(),
        errors: z.number(),
      });
      const sql =
        'SELECT count() AS rows, toString(sum(id)) AS ids, sum(score) AS score, countIf(isNull(offset)) AS nulls, ' +
        "countIf(error = 'i/o timeout') AS errors FROM file({path:String}, 'Avro')";
      const [found] = await clickhouse.query(row, sql, signal, { path });
      const score = logscores(5000).reduce((sum, values) => sum + Number(values[4]), 0);
      expect(found).toEqual({ rows: 5000, ids: '12502500', score, nulls: 1000, errors: 1000 });
    },
  );
});
