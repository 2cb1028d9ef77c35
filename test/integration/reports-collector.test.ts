import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from '@jest/globals';
import { compress } from 'zstd-napi';
import { z } from 'zod';
import { testCollector, type TestCollector } from '../support/collector.js';

const BATCH = '/api/v1/reports/batch';

let running: TestCollector | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(...given: Parameters<typeof testCollector>): Promise<TestCollector> {
  running = await testCollector(...given);
  return running;
}

const problemSchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string().min(1),
  status: z.number(),
  code: z.string(),
  detail: z.string().min(1),
});

/** Status and code of a refusal, which must say what is wrong as RFC 9457 has it. */
async function refusal(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = problemSchema.parse(await response.json());
  expect(problem.status).toBe(response.status);
  return `${String(problem.status)} ${problem.code}`;
}

async function nextData(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1'));
    });
  });
}

async function ids(response: Response): Promise<readonly string[]> {
  expect(response.status).toBe(202);
  const answer = z
    .union([z.strictObject({ id: z.uuid() }), z.strictObject({ ids: z.array(z.uuid()) })])
    .parse(await response.json());
  return 'id' in answer ? [answer.id] : answer.ids;
}

test('what is posted in any form is stored byte for byte, each report on one line', async () => {
  const { post, stored } = await start();
  const odd = '{ "n": 12345678901234567890.10,\t"s":"\\u00e9é\\n😀", "n": 1e400 }';
  const all = [
    ...(await ids(await post(` \n${odd}\r\n`))),
    ...(await ids(await post('{"a":\n[1,\r\n2]}'))),
    ...(await ids(await post('[1, {"b":[2,"],{"]} ,null]', {}, BATCH))),
    ...(await ids(
      await post('{"l":1}\n\n  {"l":2}\r\n"x"', { 'content-type': 'application/x-ndjson' }, BATCH),
    )),
    ...(await ids(await post(gzipSync('{"z":"gzip"}'), { 'content-encoding': 'gzip' }))),
    ...(await ids(
      await post(compress(Buffer.from('[{"z":"zstd"}]')), { 'content-encoding': 'zstd' }, BATCH),
    )),
    ...(await ids(await post('{"type":"metrics"}'))),
    ...(await ids(await post('{"type":"metrics"}', {}, '/api/v1/reports?type=events'))),
  ];
  const reports = await stored();
  expect(reports.map(({ id }) => id)).toEqual(all);
  expect(reports.map(({ line }) => line)).toEqual([
    odd,
    '{"a": [1,  2]}',
    ...['1', '{"b":[2,"],{"]}', 'null'],
    ...['{"l":1}', '{"l":2}', '"x"'],
    ...['{"z":"gzip"}', '{"z":"zstd"}', '{"type":"metrics"}', '{"type":"metrics"}'],
  ]);
  expect(reports.slice(-2).map(({ type }) => type)).toEqual(['metrics', 'events']);
  expect(new Set(reports.map(({ agent }) => agent))).toEqual(new Set(['anybody']));
});

test('the same Idempotency-Key is stored once: one after the other, at once, and after a restart', async () => {
  const { post, close, dir } = await start();
  const key = { 'idempotency-key': 'k-1' };
  const first = await ids(await post('{"n":1}', key));
  expect(await ids(await post('{"n":1}', key))).toEqual(first);
  const atOnce = await Promise.all(
    Array.from({ length: 20 }, async () =>
      ids(await post('[{"n":2},{"n":3}]', { 'idempotency-key': 'k-2' }, BATCH)),
    ),
  );
  expect(new Set(atOnce.map((some) => some.join())).size).toBe(1);
  expect(await refusal(await post('{"n":4}', key))).toBe('422 key-reused');
  expect(await refusal(await post('1', { 'idempotency-key': 'two words' }))).toBe('400 bad-request');
  await close();
  const { post: again, stored } = await start({}, { dir });
  expect(await ids(await again('{"n":1}', key))).toEqual(first);
  expect((await stored()).map(({ line }) => line)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
});

test('what is wrong is refused with what is wrong, and nothing of it is stored', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-collector-'));
  const schemas = join(dir, 'schemas');
  await mkdir(schemas);
  await writeFile(join(schemas, 'cpu.json'), '{"type":"object","required":["load"]}');
  const { post, url, stored } = await start(
    {
      'reports.max-report-bytes': '1000',
      'reports.max-batch-bytes': '5000',
      'reports.max-batch-reports': '3',
      'reports.max-depth': '4',
      'reports.schema-directory': schemas,
    },
    { dir },
  );
  const lines = { 'content-type': 'application/x-ndjson' };
  const [gzip, zstd] = [{ 'content-encoding': 'gzip' }, { 'content-encoding': 'zstd' }];
  const blanks = Buffer.alloc(20_000_000, ' ');
  const cases: readonly [string, Parameters<TestCollector['post']>][] = [
    ['400 bad-json', ['{"a":']],
    ['400 bad-json', ['']],
    ['400 bad-json', [Buffer.from('"\xff"', 'latin1')]],
    ['400 bad-json', ['\ufeff{}']],
    ['400 bad-json', ['[1,]', {}, BATCH]],
    ['400 bad-json', ['{"a":1}\n{"a":', lines, BATCH]],
    ['400 bad-request', ['{}', {}, BATCH]],
    ['400 bad-request', ['[]', {}, BATCH]],
    ['400 bad-request', ['\n\n', lines, BATCH]],
    ['400 bad-request', ['{"type":"../x"}']],
    ['400 bad-request', ['{}', {}, '/api/v1/reports?type=a%2Fb']],
    ['400 too-deep', ['[[[[[1]]]]]']],
    ['400 too-deep', ['[[[[[[1]]]]]]', {}, BATCH]],
    ['400 bad-encoding', ['{}', gzip]],
    ['400 bad-encoding', [gzipSync('{}').subarray(0, -9), gzip]],
    ['400 bad-encoding', ['{}', zstd]],
    ['400 bad-encoding', [compress(Buffer.from('{"a":"bcd"}')).subarray(0, -3), zstd]],
    ['404 not-found', ['{}', {}, '/api/v1/report']],
    ['413 too-large', [`"${'x'.repeat(1000)}"`]],
    ['413 too-large', [`"${'x'.repeat(3_000_000)}"`]],
    ['413 too-large', [`["${'x'.repeat(1000)}"]`, {}, BATCH]],
    ['413 too-large', ['[1,2,3,4]', {}, BATCH]],
    ['413 too-large', ['1\n2\n3\n4', lines, BATCH]],
    ['413 too-large', [gzipSync(blanks), gzip]],
    ['413 too-large', [compress(blanks), zstd]],
    ['413 too-large', [compress(blanks), zstd, BATCH]],
    ['415 unsupported-type', ['{}', { 'content-type': 'text/plain' }]],
    ['415 unsupported-type', ['{}', { 'content-type': 'text/plain' }, BATCH]],
    ['415 unsupported-encoding', ['{}', { 'content-encoding': 'br' }]],
    ['422 schema', ['{"type":"cpu"}']],
    ['422 schema', ['[{"type":"cpu","load":1},{"type":"cpu"}]', {}, BATCH]],
  ];
  for (const [expected, given] of cases)
    expect([given[0].length, await refusal(await post(...given))]).toEqual([given[0].length, expected]);
  const got = await fetch(`${url}/api/v1/reports`);
  expect([await refusal(got), got.headers.get('allow')]).toEqual(['405 wrong-method', 'POST']);
  await ids(await post('{"type":"cpu","load":2}'));
  expect((await stored()).map(({ line }) => line)).toEqual(['{"type":"cpu","load":2}']);
});

test('one that asks whether to send its body is told to go on, or is refused before', async () => {
  const { url, stored } = await start({ 'reports.max-report-bytes': '100' });
  const ask = async (length: number): Promise<string> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      `POST /api/v1/reports HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: ${String(length)}\r\n\r\n`,
    );
    let [text, isSent] = ['', false];
    while (!/HTTP\/1\.1 [2-5]/.test(text)) {
      text += await nextData(socket);
      if (text.startsWith('HTTP/1.1 100') && !isSent) {
        socket.write('1'.repeat(length));
        isSent = true;
      }
    }
    socket.destroy();
    return text;
  };
  expect(await ask(5)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202/);
  expect(await ask(101)).toMatch(/^HTTP\/1\.1 413/);
  expect((await stored()).map(({ line }) => line)).toEqual(['11111']);
});

test('agents have tokens and rates, and their file is read again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-collector-'));
  const file = join(dir, 'agents.yaml');
  const agent = (name: string, token: string, rate?: number): object => ({
    name,
    'token-sha256': createHash('sha256').update(token).digest('hex'),
    ...(rate === undefined ? {} : { 'reports-per-second': rate }),
  });
  const write = (...agents: object[]): void => {
    writeFileSync(file, JSON.stringify({ agents }));
  };
  write(agent('web-1', 'one'), agent('slow', 'two', 0.001), agent('some', 'three', 2));
  const { post, stored } = await start({ 'reports.agents-file': file }, { dir });
  const as = (token: string, body = '1', path?: string): Promise<Response> =>
    post(body, { authorization: `Bearer ${token}` }, path);
  const nobody = await post('1');
  expect([await refusal(nobody), nobody.headers.get('www-authenticate')]).toEqual(['401 no-token', 'Bearer']);
  expect(await refusal(await as('wrong'))).toBe('401 wrong-token');
  await ids(await as('one'));
  await ids(await as('two', '2'));
  const often = await as('two', '3');
  expect(Number(often.headers.get('retry-after'))).toBeGreaterThan(900);
  expect(await refusal(often)).toBe('429 rate-limit');
  expect(await refusal(await as('three', '[1,2,3]', BATCH))).toBe('413 too-large');
  expect(await refusal(await as('four'))).toBe('401 wrong-token');
  write(agent('slow', 'two', 0.001), agent('web-1', 'four'));
  let late = await as('four', '4');
  while (late.status === 401) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    late = await as('four', '4');
  }
  await ids(late);
  expect(await refusal(await as('one'))).toBe('401 wrong-token');
  // Who had used up its rate has it used up still.
  expect(await refusal(await as('two'))).toBe('429 rate-limit');
  expect((await stored()).map(({ agent: name, line }) => `${name} ${line}`)).toEqual([
    'web-1 1',
    'slow 2',
    'web-1 4',
  ]);
});

test('a full spool refuses, says when to come again, and still takes what fits', async () => {
  const { post, url, stored } = await start({ 'reports.spool-max-bytes': String(1024 * 1024) });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const large = JSON.stringify('x'.repeat(300_000));
  let accepted = 0;
  let response = await post(large);
  for (; response.status === 202; response = await post(large)) accepted += 1;
  expect(response.headers.get('retry-after')).toBe('5');
  expect(await refusal(response)).toBe('503 spool-full');
  expect(accepted).toBe(3);
  await ids(await post('1'));
  expect(await stored()).toHaveLength(4);
});

test('pages of other origins may post only where the settings name them', async () => {
  const origin = 'https://page.example.com';
  const closed = await start();
  const before = await fetch(`${closed.url}/api/v1/reports`, { method: 'OPTIONS', headers: { origin } });
  expect([before.status, before.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  await closed.stop();
  const { url, post } = await start({ 'reports.cors-origins': origin });
  const asked = await fetch(`${url}/api/v1/reports`, { method: 'OPTIONS', headers: { origin } });
  expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
  expect((await post('1', { origin })).headers.get('access-control-allow-origin')).toBe(origin);
  const other = await post('1', { origin: 'https://other.example.com' });
  expect(other.headers.get('access-control-allow-origin')).toBeNull();
});

test('one that ends answers what is under way, seals it, and takes nothing more', async () => {
  const { url, close, stored } = await start();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(
    'POST /api/v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n',
  );
  await once(socket, 'data');
  const ending = close();
  socket.write('42');
  expect(await nextData(socket)).toMatch(/^HTTP\/1\.1 202/);
  await ending;
  await expect(fetch(url)).rejects.toThrow();
  expect((await stored()).map(({ line }) => line)).toEqual(['42']);
  socket.destroy();
});
