import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BigQueryDataset } from '../../src/destinations/bigquery/dataset.js';
import { loadAvro, type Loaded } from '../../src/destinations/bigquery/load.js';
import { storeAwayOf } from '../../src/destinations/errors.js';
import type { Codec } from '../../src/formats/avro/codec.js';
import { avroFile, syncMarkerOf } from '../../src/formats/avro/writer.js';
import { inBatches, LOGSCORE, logscores } from '../support/avro-rows.js';
import { startBigQueryServer, type BigQueryServer } from '../support/bigquery-server.js';
import { googleAnswer, type Asked } from '../support/http-requests.js';
import { chunks } from '../support/uploads.js';

const signal = new AbortController().signal;
/** The smallest piece of an upload. */
const CHUNK = 256 * 1024;
/** Rows that make a file of several pieces. */
const MANY = 20_000;
let server: BigQueryServer;
let dataset: BigQueryDataset;

beforeEach(async () => {
  server = await startBigQueryServer({ project: 'pool', dataset: 'ntp', location: 'EU' });
  dataset = open();
});

afterEach(async () => {
  await server.close();
});

function open(
  given: { readonly dataset?: string; readonly projectId?: string; readonly retries?: number } = {},
): BigQueryDataset {
  const options = { dataset: 'ntp', projectId: 'pool', chunkBytes: CHUNK, pollMs: 1, retries: 2 };
  return new BigQueryDataset({ ...options, ...given, apiEndpoint: server.url });
}

function file(count: number, codec: Codec = 'null'): AsyncIterable<Uint8Array> {
  const rows = inBatches(logscores(count), 1000);
  return avroFile({ schema: LOGSCORE, codec, blockBytes: 10_000, rows, syncMarker: syncMarkerOf('order') });
}

function load(content: AsyncIterable<Uint8Array> = file(100), jobId = 'order-0123'): Promise<Loaded> {
  return loadAvro(dataset, { table: 'log_scores', jobId, content, signal });
}

const rowsIn = (table: string): number => server.tables.get(table)?.length ?? 0;
const isUpload = ({ method, url }: Asked): boolean => method === 'PUT' && url.pathname.startsWith('/upload');

async function* failing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.alloc(2 * CHUNK + 5, 'a'));
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
}

describe('a load into BigQuery', () => {
  test.each(['null', 'deflate', 'zstd'] as const)('has each row, exactly, with codec %s', async (codec) => {
    const loaded = await load(file(MANY, codec));
    expect(loaded).toMatchObject({ jobId: 'order-0123', rows: MANY, already: false });
    const rows = server.tables.get('log_scores') ?? [];
    expect(rows).toHaveLength(MANY);
    expect(rows.slice(0, 20).map((row) => Object.values(row))).toEqual(logscores(20));
  });

  test('that is made again is told what has become of it, and nothing is sent', async () => {
    const first = await load();
    const asked = server.requests.length;
    expect(await load(failing())).toEqual({ ...first, already: true });
    expect(server.requests.slice(asked)).not.toContain('POST upload');
    expect(rowsIn('log_scores')).toBe(100);
  });

  test('that is made twice at the same time is one job', async () => {
    const both = await Promise.all([load(), load()]);
    expect(both.map(({ rows, jobId }) => ({ rows, jobId }))).toEqual([
      { rows: 100, jobId: 'order-0123' },
      { rows: 100, jobId: 'order-0123' },
    ]);
    expect(both.filter(({ already }) => already)).toHaveLength(1);
    expect(rowsIn('log_scores')).toBe(100);
    expect(server.sessions.size).toBe(0);
  });

  test('that has failed is tried again under ids that follow, until one has it', async () => {
    server.failNext('backendError', 'rateLimitExceeded');
    await expect(load()).rejects.toMatchObject({
      store: 'bigquery',
      code: 'backendError',
      permanent: false,
      away: false,
    });
    await expect(load()).rejects.toMatchObject({ code: 'rateLimitExceeded' });
    expect(await load()).toMatchObject({ jobId: 'order-0123-3', rows: 100, already: false });
    expect(await load()).toMatchObject({ jobId: 'order-0123-3', rows: 100, already: true });
    expect([...server.jobs]).toEqual([
      ['order-0123', 'backendError'],
      ['order-0123-2', 'rateLimitExceeded'],
      ['order-0123-3', 'DONE'],
    ]);
    expect(rowsIn('log_scores')).toBe(100);
  });

  test('that BigQuery cannot read is a permanent failure', async () => {
    await expect(load(chunks(Buffer.from('no Avro')))).rejects.toMatchObject({
      code: 'invalid',
      permanent: true,
    });
    expect(rowsIn('log_scores')).toBe(0);
  });

  test('whose content breaks off is no job, and the same id is free', async () => {
    const error: unknown = await load(failing()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'Error', code: 'ECONNREFUSED' });
    expect(storeAwayOf(error)).toBeUndefined();
    expect(server.sessions.size).toBe(0);
    expect(server.jobs.size).toBe(0);
    expect(await load()).toMatchObject({ jobId: 'order-0123', rows: 100 });
  });

  test('that is stopped is no job', async () => {
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(CHUNK + 5, 'a'));
      stop.abort(new Error('stopped'));
      yield Buffer.from('a');
    }
    const stopped = loadAvro(dataset, { table: 't', jobId: 'j', content: stopping(), signal: stop.signal });
    await expect(stopped).rejects.toThrow('stopped');
    expect(server.sessions.size).toBe(0);
    expect(server.jobs.size).toBe(0);
  });

  test.each([
    ['the request for an upload', 'before', ({ method }: Asked) => method === 'POST'],
    ['the answer to it', 'after', ({ method }: Asked) => method === 'POST'],
    ['a piece', 'before', isUpload],
    ['the answer to a piece', 'after', isUpload],
    ['the last piece', 'before', isLast],
    ['the answer to the last piece', 'after', isLast],
    [
      'a look at the job',
      'after',
      ({ method, url }: Asked) => method === 'GET' && url.pathname.includes('/jobs/'),
    ],
  ] as const)('arrives once when %s is lost on the way', async (_, when, matches) => {
    server.breakOff(when, matches);
    expect(await load(file(MANY))).toMatchObject({ rows: MANY });
    expect(rowsIn('log_scores')).toBe(MANY);
    expect([...server.jobs.values()]).toEqual(['DONE']);
  });

  test('arrives once when the answer to the last piece is lost, and the upload is forgotten', async () => {
    server.breakOff('after', isLast);
    server.answerInstead(googleAnswer(404, 'notFound', 'no such upload'), ({ headers }) =>
      String(headers['content-range']).startsWith('bytes *'),
    );
    expect(await load(file(MANY))).toMatchObject({ rows: MANY, already: true });
    expect(rowsIn('log_scores')).toBe(MANY);
  });

  test('arrives once when BigQuery is overloaded in between', async () => {
    server.answerInstead(googleAnswer(503, 'backendError', 'try again'), isUpload);
    expect(await load(file(MANY))).toMatchObject({ rows: MANY });
    expect(rowsIn('log_scores')).toBe(MANY);
  });

  test.each(['a b', 'job/1', ''])('has no id such as %j', async (id) => {
    await expect(load(file(1), id)).rejects.toThrow('cannot be the id of a job');
  });

  test.each(['a b', 'a.b', 'a`b', ''])('has no table such as %j', async (table) => {
    await expect(loadAvro(dataset, { table, jobId: 'j', content: file(1), signal })).rejects.toThrow(
      RangeError,
    );
  });
});

function isLast(asked: Asked): boolean {
  return isUpload(asked) && /-\d+\/\d+$/.test(String(asked.headers['content-range']));
}

describe('a dataset of BigQuery', () => {
  test('counts the rows of a range, those that are there twice too', async () => {
    await load();
    await load(file(10), 'doubled');
    const range = { table: 'log_scores', key: 'id', after: 5n, upTo: 50n };
    expect(await dataset.countRows(range, signal)).toEqual({ rows: 50n, keys: 45n, keySum: 1260n + 40n });
    const none = { ...range, after: 2n ** 62n, upTo: 2n ** 62n + 1n };
    expect(await dataset.countRows(none, signal)).toEqual({ rows: 0n, keys: 0n, keySum: 0n });
    await expect(dataset.countRows({ ...range, key: 'id` OR 1=1' }, signal)).rejects.toThrow(RangeError);
  });

  test('passes the check; one that is not there, or closed to us, is a permanent failure', async () => {
    await dataset.check(signal);
    expect(dataset.place).toBe('pool.ntp');
    await expect(open({ dataset: 'missing' }).check(signal)).rejects.toMatchObject({
      code: 'notFound',
      permanent: true,
      away: false,
    });
    await expect(open({ projectId: 'other' }).check(signal)).rejects.toMatchObject({
      code: 'accessDenied',
      permanent: true,
      away: false,
    });
  });

  test('that cannot be reached is away', async () => {
    dataset = open({ retries: 0 });
    await server.close();
    for (const attempt of [() => dataset.check(signal), () => load()]) {
      const error: unknown = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ permanent: false });
      expect(storeAwayOf(error)).toBe('bigquery');
    }
    server = await startBigQueryServer({ project: 'pool', dataset: 'ntp', location: 'EU' });
  });
});
