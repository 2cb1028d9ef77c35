import { createClient, ClickHouseError, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';

let dir: string;
let engine: Engine;
let client: ClickHouseClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-clickhouse-'));
  engine = await startClickHouse({ dir });
  client = clientOf(engine);
  await client.command({ query: 'CREATE DATABASE logs' });
  await client.command({
    query: `CREATE TABLE logs.rows (id UInt32, text String, insertedAt DateTime DEFAULT now(), loud String DEFAULT concat(text, '!'))
      ENGINE = MergeTree ORDER BY id`,
  });
});

afterAll(async () => {
  await client.close();
  await engine.stop();
  await rm(dir, { recursive: true });
});

function clientOf({ url }: Engine, compression = false): ClickHouseClient {
  return createClient({
    url,
    max_open_connections: 64,
    compression: { request: compression, response: compression },
    log: { level: 127 },
  });
}

async function value(query: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
  const result = await client.query({ query, query_params: parameters, format: 'JSONEachRow' });
  return Object.values(z.array(z.record(z.string(), z.unknown())).parse(await result.json())[0] ?? {})[0];
}

/** A request without @clickhouse/client, to see what goes over the wire. */
async function request(
  parameters: Record<string, string>,
  body: RequestInit['body'] = '',
): Promise<Response> {
  return fetch(`${engine.url}/?${new URLSearchParams(parameters).toString()}`, { method: 'POST', body });
}

describe('parameters', () => {
  test.each([
    ['quotes and backslashes', `it's "a\\b" \\' \\\\`],
    ['tabs, newlines and carriage returns', 'a\tb\nc\r\nd'],
    ['NUL', 'a\u0000b'],
    ['Unicode', 'é日本😀'],
    ['SQL', `'); DROP TABLE logs.rows; -- {text:String} ?`],
    ['nothing', ''],
    ['what looks like an escape', '\\N \\t \\x41'],
  ])('a String with %s arrives as it was sent', async (_, text) => {
    expect(await value('SELECT hex({text:String})', { text })).toBe(
      Buffer.from(text).toString('hex').toUpperCase(),
    );
    expect(await value('SELECT hex({list:Array(String)}[1])', { list: [text] })).toBe(
      Buffer.from(text).toString('hex').toUpperCase(),
    );
  });

  test.each([
    ['UInt64', '18446744073709551615', '18446744073709551615'],
    ['DateTime64(6)', '2026-11-22 01:02:03.123456', '2026-11-22 01:02:03.123456'],
    ['Nullable(String)', null, 'ᴺᵁᴸᴸ'],
    ['Array(UInt16)', [1, 2], '[1,2]'],
  ])('a %s keeps its value', async (type, given, expected) => {
    const shown = `SELECT ifNull(toString({value:${type}}), 'ᴺᵁᴸᴸ')`;
    expect(await value(shown, { value: given })).toBe(expected);
  });

  test('a parameter ends with its query', async () => {
    await value('SELECT {once:String}', { once: 'x' });
    await expect(value('SELECT {once:String}')).rejects.toMatchObject({ code: '456' });
  });

  test('a setting holds for its query only', async () => {
    const during = await request({ query: "SELECT getSetting('max_block_size')", max_block_size: '17' });
    const after = await request({ query: "SELECT getSetting('max_block_size')" });
    expect(await during.text()).toBe('17\n');
    expect(await after.text()).not.toBe('17\n');
  });

  test('a setting in the text of a query holds for that query only', async () => {
    const threads = "SELECT toString(getSetting('max_threads'))";
    expect(await value(`${threads} SETTINGS max_threads = 7`)).toBe('7');
    expect(await value(threads)).not.toBe('7');
  });

  test('what a query sets for its session is not there for the next one', async () => {
    await client.command({ query: 'SET max_threads = 7' });
    expect(await value("SELECT toString(getSetting('max_threads'))")).not.toBe('7');
    await client.command({ query: 'USE logs' });
    expect(await value('SELECT currentDatabase()')).toBe('default');
    await client.command({ query: 'CREATE TEMPORARY TABLE passing (id UInt8)' });
    await expect(value('SELECT count() FROM passing')).rejects.toThrow(/passing/);
  });

  test('queries that set the same names have their own values, after one that failed too', async () => {
    const sum = 'SELECT {a:Int32} + {b:Int32}';
    expect(await value(sum, { a: 1, b: 2 })).toBe(3);
    expect(await value(sum, { a: 40, b: 2 })).toBe(42);
    await expect(value(sum, { a: 'none', b: 2 })).rejects.toThrow();
    expect(await value(sum, { a: 4, b: 5 })).toBe(9);
  });
});

describe('inserts', () => {
  test('columns that are left out get their defaults', async () => {
    await client.insert({ table: 'logs.rows', values: [{ id: 1, text: `a'b\t` }], format: 'JSONEachRow' });
    expect(await value('SELECT loud FROM logs.rows WHERE id = 1')).toBe(`a'b\t!`);
    expect(await value('SELECT insertedAt > now() - 60 FROM logs.rows WHERE id = 1')).toBe(1);
  });

  test('binary data arrive byte by byte, white space at their ends too', async () => {
    const query = 'INSERT INTO logs.rows (id, text) SETTINGS max_insert_threads = 1 FORMAT RowBinary';
    const answer = await request({ query }, new Uint8Array([9, 0, 0, 0, 5, 0, 255, 10, 9, 32]));
    expect(answer.status).toBe(200);
    expect(await value('SELECT hex(text) FROM logs.rows WHERE id = 9')).toBe('00FF0A0920');
  });

  test('data may follow the query in the body', async () => {
    await client.command({
      query: 'INSERT INTO logs.rows (id, text) FORMAT JSONEachRow\n{"id":21,"text":"json"}\n',
    });
    await client.command({ query: "INSERT INTO logs.rows (id, text) VALUES (22, 'values')" });
    expect(await value('SELECT groupArraySorted(2)(text) FROM logs.rows WHERE id IN (21, 22)')).toEqual([
      'json',
      'values',
    ]);
  });

  test('compressed both ways, 20 MB go in and come back, and nothing of them stays behind on disk', async () => {
    const compressing = clientOf(engine, true);
    const values = Array.from({ length: 20_000 }, (_, index) => ({
      id: 1_000_000 + index,
      text: 'x'.repeat(1000),
    }));
    await compressing.insert({ table: 'logs.rows', values, format: 'JSONEachRow' });
    const result = await compressing.query({
      query: 'SELECT id, text FROM logs.rows WHERE id >= 1000000 ORDER BY id',
      format: 'JSONEachRow',
    });
    expect(await result.json()).toEqual(values);
    await compressing.close();
    expect(await readdir(join(dir, 'bodies'))).toEqual([]);
  });

  test('rows through a Null table reach the table of its materialized view', async () => {
    await client.command({ query: 'CREATE TABLE logs.ingest (id UInt32, text String) ENGINE = Null' });
    await client.command({
      query: 'CREATE MATERIALIZED VIEW logs.ingested TO logs.rows AS SELECT id, text FROM logs.ingest',
    });
    const query = 'INSERT INTO logs.ingest FORMAT JSONEachRow';
    await request({ query, async_insert: '1', wait_for_async_insert: '1' }, '{"id":31,"text":"through"}');
    expect(await value('SELECT text FROM logs.rows WHERE id = 31')).toBe('through');
  });
});

describe('errors', () => {
  test.each([
    ['SELECT * FROM logs.missing', 404, '60'],
    ['SELEC 1', 400, '62'],
    ['SELECT throwIf(1)', 500, '395'],
  ])('%s is refused with status %d and code %s', async (query, status, code) => {
    const answer = await request({ query });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-clickhouse-exception-code')).toBe(code);
    expect(await answer.text()).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: `));
  });

  test('@clickhouse/client reads code and type', async () => {
    const query = value('SELECT * FROM logs.missing');
    await expect(query).rejects.toBeInstanceOf(ClickHouseError);
    await expect(query).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
  });

  const failsLate = 'SELECT throwIf(number = 1500000) FROM numbers(2000000) FORMAT TSVRaw';

  test('an error in mid-stream breaks the connection', async () => {
    const { stream } = await client.exec({ query: failsLate });
    await expect(textOf(stream)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('with wait_end_of_query, the same error is a status', async () => {
    const answer = await request({ query: failsLate, wait_end_of_query: '1' });
    expect(answer.status).toBe(500);
  });

  test('when asked to, an error in mid-stream ends the body as old ClickHouse releases did', async () => {
    const lenient = await startClickHouse({ dir: join(dir, 'lenient'), midStreamError: 'append' });
    const answer = await fetch(`${lenient.url}/?${new URLSearchParams({ query: failsLate }).toString()}`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^0\n(.*\n)+Code: 395\. DB::Exception: /);
    await lenient.stop();
  });
});

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: string[] = [];
  for await (const chunk of stream) chunks.push(String(chunk));
  return chunks.join('');
}

describe('many at once', () => {
  test('1,280 queries and inserts, 64 at a time, all succeed', async () => {
    await client.command({ query: 'CREATE TABLE logs.many (id UInt32) ENGINE = MergeTree ORDER BY id' });
    const jobs = Array.from({ length: 1280 }, (_, id) => id);
    const work = async (): Promise<void> => {
      for (let id = jobs.pop(); id !== undefined; id = jobs.pop()) {
        if (id % 2 === 0)
          expect(await value('SELECT {id:UInt32} + 0 * count() FROM logs.many', { id })).toBe(id);
        else await client.insert({ table: 'logs.many', values: [{ id }], format: 'JSONEachRow' });
      }
    };
    await Promise.all(Array.from({ length: 64 }, work));
    expect(await value('SELECT count() FROM logs.many')).toBe(640);
  });

  test('a slow scalar subquery does not hold up others', async () => {
    const slow = value('SELECT (SELECT max(sleepEachRow(1)) FROM numbers(2))');
    expect(await Promise.race([slow, value("SELECT 'quick'")])).toBe('quick');
    await slow;
  });

  test('readers that go away leave their places to others', async () => {
    for (let round = 0; round < 30; round += 1) {
      const { stream } = await client.exec({ query: 'SELECT number FROM system.numbers FORMAT TSVRaw' });
      stream.destroy();
    }
    expect(await value('SELECT 1')).toBe(1);
  });
});

test('killed and started again on the same port, it has every acknowledged row', async () => {
  const home = join(dir, 'killed');
  const first = await startClickHouse({ dir: home });
  const writer = clientOf(first);
  await writer.command({ query: 'CREATE TABLE default.kept (id UInt32) ENGINE = MergeTree ORDER BY id' });
  let acknowledged = 0;
  const writing = (async () => {
    for (;;) {
      await writer.insert({ table: 'kept', values: [{ id: acknowledged }], format: 'JSONEachRow' });
      acknowledged += 1;
      if (acknowledged === 50) void first.kill();
    }
  })();
  await expect(writing).rejects.toThrow();
  expect(await first.exited).toMatchObject({ engine: 'clickhouse', signal: 'SIGKILL' });

  const second = await startClickHouse({ dir: home, port: first.port });
  expect(second.url).toBe(first.url);
  const result = await writer.query({ query: 'SELECT max(id) + 1 AS n FROM kept', format: 'JSONEachRow' });
  const [row] = z.array(z.object({ n: z.coerce.number() })).parse(await result.json());
  expect(row?.n).toBeGreaterThanOrEqual(acknowledged);
  await writer.close();
  await second.stop();
});
