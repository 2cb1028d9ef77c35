import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ClickHouseTruncatedError, ClickHouseUnreachableError } from '../../src/clickhouse/errors.js';
import { LineCountError, LogLines } from '../../src/pipelines/access-logs/fetch.js';
import { objectKey } from '../../src/pipelines/access-logs/object-key.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { DeliveryError, failureOf } from '../../src/pipelines/errors.js';
import { openTestStore, startTestEngines, type TestEngines, type TestStore } from '../support/access-logs.js';
import { startHttpProxy, type Fate, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';

let engines: TestEngines;
let clickhouse: HttpProxy;
let s3: HttpProxy;
let store: TestStore;

beforeAll(async () => {
  engines = await startTestEngines();
  clickhouse = await startHttpProxy(engines.clickhouseUrl);
  s3 = await startHttpProxy(engines.s3Url);
  store = await openTestStore(
    { clickhouseUrl: clickhouse.url, s3Url: s3.url },
    { 's3.part-size-bytes': String(5 * 1024 * 1024), 'consumer.small-orders-in-flight': '0' },
  );
});

afterEach(() => {
  clickhouse.reset();
  s3.reset();
});

afterAll(async () => {
  await store.close();
  await clickhouse.close();
  await s3.close();
  await engines.stop();
});

const EXCEPTION =
  'Code: 241. DB::Exception: Memory limit (total) exceeded: would use 9.31 GiB. (MEMORY_LIMIT_EXCEEDED)';

/** The one request that brings the lines of a log object. */
function isFetch({ body }: ProxiedRequest): boolean {
  return body.includes('FORMAT TSVRaw');
}

function breakFetches(fate: Fate): void {
  clickhouse.rule((request) => (isFetch(request) ? fate : { kind: 'pass' }));
}

async function makeOrder(bucket: string, records = 5): Promise<AccessLogOrder> {
  await store.createBucket(bucket);
  await store.insertRecords(
    Array.from({ length: records }, () => ({ bucketName: bucket, loggingTargetBucket: bucket })),
  );
  const [order] = (await store.discover()).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  s3.reset();
  return order;
}

/** Delivers, and gives back what went wrong with the only target. */
async function causeOfFailure(order: AccessLogOrder): Promise<Error> {
  const error: unknown = await store.deliver(order).catch((reason: unknown) => reason);
  if (!(error instanceof DeliveryError)) throw new Error('a DeliveryError was expected', { cause: error });
  expect(error.permanent).toBe(false);
  expect(error.objects).toEqual([]);
  const { cause } = error.failures[0] ?? {};
  if (!(cause instanceof Error)) throw new Error('a cause was expected', { cause });
  return cause;
}

async function expectDeliveryAfterwards(order: AccessLogOrder, bucket: string): Promise<void> {
  clickhouse.reset();
  expect((await store.deliver(order)).records).toBe(order.records);
  expect((await store.readObjects(bucket)).map(({ lines }) => lines.length)).toEqual([order.records]);
}

describe('an answer of ClickHouse that is not whole makes no object', () => {
  const fates: readonly [string, string, Fate][] = [
    ['breaks off at once', 'cut-at-once', { kind: 'cut', afterBytes: 0 }],
    ['breaks off in the middle of a line', 'cut-in-line', { kind: 'cut', afterBytes: 100 }],
    [
      'ends, as if all were well, in the middle of a line',
      'ends-in-line',
      { kind: 'rewrite', with: (body) => body.slice(0, 100) },
    ],
    [
      'ends, as if all were well, after a whole line',
      'ends-after-line',
      { kind: 'rewrite', with: (body) => body.slice(0, body.indexOf('\n') + 1) },
    ],
    ['lacks only its very last byte', 'lacks-a-byte', { kind: 'rewrite', with: (body) => body.slice(0, -1) }],
    ['is empty', 'is-empty', { kind: 'rewrite', with: () => '' }],
  ];

  test.each(fates)('when it %s', async (_, bucket, fate) => {
    const order = await makeOrder(bucket);
    breakFetches(fate);
    expect(await causeOfFailure(order)).toBeInstanceOf(ClickHouseTruncatedError);
    expect(s3.requests).toEqual([]);
    await expectDeliveryAfterwards(order, bucket);
  });

  test('when it ends in the text of an exception, as of old releases: the error carries the text', async () => {
    const order = await makeOrder('exception-at-end');
    breakFetches({ kind: 'rewrite', with: (body) => `${body.slice(0, body.length / 2)}${EXCEPTION}\n` });
    const cause = await causeOfFailure(order);
    expect(cause).toBeInstanceOf(ClickHouseTruncatedError);
    expect(cause.message).toContain(EXCEPTION);
    expect(s3.requests).toEqual([]);
  });

  test('when an exception comes behind all of the records', async () => {
    const order = await makeOrder('exception-behind');
    breakFetches({ kind: 'append', text: `${EXCEPTION}\n` });
    expect((await causeOfFailure(order)).message).toContain(EXCEPTION);
    expect(s3.requests).toEqual([]);
  });

  test('when an exception breaks the connection, as of new releases: the error carries the text', async () => {
    const order = await makeOrder('tagged-exception');
    const tag = '0123456789abcdef';
    const tagged = `\r\n__exception__\r\n${tag}\r\n${EXCEPTION}\n${String(EXCEPTION.length)} ${tag}\r\n__exception__\r\n`;
    breakFetches({ kind: 'append-and-cut', text: tagged });
    const cause = await causeOfFailure(order);
    expect(cause).toBeInstanceOf(ClickHouseTruncatedError);
    expect(cause.message).toContain(EXCEPTION);
    expect(cause.message).not.toContain('__exception__');
    expect(s3.requests).toEqual([]);
  });

  test('when it breaks off after parts of the object were sent: the multipart upload is aborted', async () => {
    await store.createBucket('multipart-broken');
    const userAgent = 'x'.repeat(100_000);
    await store.insertRecords(
      Array.from({ length: 150 }, () => ({ loggingTargetBucket: 'multipart-broken', userAgent })),
    );
    const [order] = (await store.discover()).orders;
    if (order === undefined) throw new Error('nothing was ordered');
    s3.reset();
    breakFetches({ kind: 'cut', afterBytes: 13_000_000 });
    expect(await causeOfFailure(order)).toBeInstanceOf(ClickHouseTruncatedError);
    const sent = s3.requests.map(
      ({ method, url }) => `${method} ${url.includes('partNumber') ? 'part' : ''}`,
    );
    expect(sent).toContain('PUT part');
    expect(sent.at(-1)).toBe('DELETE ');
    await expectDeliveryAfterwards(order, 'multipart-broken');
  });
});

describe('an answer with another number of lines than records makes no object', () => {
  test.each([
    ['one too few', 'line-too-few', (body: string) => body.slice(body.indexOf('\n') + 1), 4],
    ['one too many', 'line-too-many', (body: string) => `- forged\n${body}`, 6],
  ])('with %s', async (_, bucket, rewrite, lines) => {
    const order = await makeOrder(bucket);
    breakFetches({ kind: 'rewrite', with: rewrite });
    const cause = await causeOfFailure(order);
    expect(cause).toBeInstanceOf(LineCountError);
    expect(cause.message).toContain(`counts 5 records but sent ${String(lines)} lines`);
    expect(s3.requests).toEqual([]);
    await expectDeliveryAfterwards(order, bucket);
  });
});

test('a ClickHouse that cannot be reached any more is worth a retry, and makes no object', async () => {
  const order = await makeOrder('unreachable-logs');
  breakFetches({ kind: 'reset' });
  expect(await causeOfFailure(order)).toBeInstanceOf(ClickHouseUnreachableError);
  clickhouse.rule(() => ({ kind: 'reset' }));
  const planning = store.deliver(order);
  await expect(planning).rejects.toThrow(ClickHouseUnreachableError);
  const error: unknown = await planning.catch((reason: unknown) => reason);
  expect(failureOf(error)).toMatchObject({ code: 'ClickHouseUnreachableError', objects: [] });
  expect(s3.requests).toEqual([]);
  await expectDeliveryAfterwards(order, 'unreachable-logs');
});

test('a fetch that ClickHouse refuses names its code', async () => {
  const order = await makeOrder('refused-logs');
  clickhouse.rule((request) =>
    isFetch(request) ? { kind: 'answer', status: 500, body: `${EXCEPTION}\n` } : { kind: 'pass' },
  );
  expect(await causeOfFailure(order)).toMatchObject({ name: 'ClickHouseQueryError', code: '241' });
  expect(s3.requests).toEqual([]);
});

test('a delivery that is told to stop while ClickHouse is silent stops at once, with the reason', async () => {
  const order = await makeOrder('silent-logs');
  const stop = new AbortController();
  clickhouse.rule((request) => {
    if (!isFetch(request)) return { kind: 'pass' };
    stop.abort(new Error('the processor stops'));
    return new Promise<Fate>(() => undefined);
  });
  await expect(store.deliver(order, stop.signal)).rejects.toThrow('the processor stops');
  expect(s3.requests).toEqual([]);
});

test('an engine that fails while it reads the records makes no object', async () => {
  const order = await makeOrder('failing-logs');
  // The statement of the fetch is fixed, so the table is made to fail: a view that throws at the last record.
  const { logs } = store.tables;
  await store.command(`RENAME TABLE ${logs} TO ${logs}_kept`);
  const failing = `if(throwIf(req_id = '${order.upTo.reqId}', 'disk lost') = 0, objectKey, '') AS objectKey`;
  await store.command(`CREATE VIEW ${logs} AS SELECT * REPLACE (${failing}) FROM ${logs}_kept`);
  const cause = await causeOfFailure(order);
  await store.command(`DROP VIEW ${logs}`);
  await store.command(`RENAME TABLE ${logs}_kept TO ${logs}`);
  expect(cause).toMatchObject({
    name: 'ClickHouseQueryError',
    message: expect.stringContaining('disk lost'),
  });
  expect(s3.requests).toEqual([]);
});

test('the lines of an object can be read without an upload: bytes and checksum are those of the lines', async () => {
  const order = await makeOrder('plain-logs', 2);
  const target = { targetBucket: 'plain-logs', targetPrefix: 'logs/', day: '' };
  const options = { format: 'simple', sourceAccount: '', sourceRegion: '' } as const;
  const object = { ...target, records: 2, key: objectKey(order, target, options) };
  const lines = new LogLines(store.clickhouse, store.tables, order, object, new AbortController().signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of lines) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  expect(text.split('\n')).toHaveLength(3);
  expect(lines.bytes).toBe(Buffer.byteLength(text));
});
