import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from '@jest/globals';
import { compress } from 'zstd-napi';
import { z } from 'zod';
import { seeded, type Random } from '../chaos/random.js';
import { brokenHttp } from '../support/broken-http.js';
import { startCollectorProcess, type CollectorProcess } from '../support/collector-process.js';
import { sealedReports, sendRaw, testCollector } from '../support/collector.js';
import { readableLog } from '../support/readable-log.js';

let onTestEnd: () => Promise<void> = () => Promise.resolve();
afterEach(async () => {
  await onTestEnd();
  onTestEnd = () => Promise.resolve();
});

const KILLS = 5;
const CLIENTS = 16;
const ACKNOWLEDGED_A_LIFE = 200;

const acknowledged = z.object({ id: z.string() });
const lineSchema = z.object({ n: z.number() });

test('what was acknowledged is stored once, however often the collector is killed', async () => {
  const spool = await mkdtemp(join(tmpdir(), 'log-courier-killed-'));
  const ids: string[] = [];
  const withKeys: number[] = [];
  let [next, isOver, sinceKill] = [0, false, 0];
  let collector: CollectorProcess = await startCollectorProcess(spool);
  let enough: () => void = () => undefined;

  const post = async (n: number, hasKey: boolean): Promise<boolean> => {
    try {
      const response = await fetch(`${collector.url}/api/v1/reports`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(hasKey ? { 'idempotency-key': String(n) } : {}) },
        body: JSON.stringify({ n }),
      });
      if (response.status !== 202) return false;
      const { id } = acknowledged.parse(await response.json());
      ids.push(id);
    } catch {
      return false;
    }
    if (hasKey) withKeys.push(n);
    sinceKill += 1;
    if (sinceKill >= ACKNOWLEDGED_A_LIFE) enough();
    return true;
  };
  const client = async (number: number): Promise<void> => {
    const hasKey = number % 2 === 0;
    while (!isOver) {
      const n = next;
      next += 1;
      // Who has a key tries until it is told that the report is safe; the others never twice.
      while (!(await post(n, hasKey))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (!hasKey) break;
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));
  for (let life = 0; life <= KILLS; life += 1) {
    await new Promise<void>((resolve) => {
      [sinceKill, enough] = [0, resolve];
    });
    if (life === KILLS) break;
    await collector.kill();
    collector = await startCollectorProcess(spool);
  }
  isOver = true;
  await Promise.all(clients);
  await collector.end();

  const reports = await sealedReports(spool);
  const byId = new Map(reports.map((report) => [report.id, report]));
  expect(byId.size).toBe(reports.length);
  expect(ids.filter((id) => !byId.has(id))).toEqual([]);
  const times = new Map<number, number>();
  for (const { line } of reports) {
    const { n } = lineSchema.parse(JSON.parse(line));
    times.set(n, (times.get(n) ?? 0) + 1);
  }
  // With a key once, also where the answer was lost and it was posted again; without one never more than once.
  expect(withKeys.filter((n) => times.get(n) !== 1)).toEqual([]);
  expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  expect(ids.length).toBeGreaterThan(KILLS * ACKNOWLEDGED_A_LIFE);
  await rm(spool, { recursive: true });
}, 60_000);

/** Only root may mount a file system that is small enough to be filled up. */
const asRoot = userInfo().uid === 0 ? test : test.skip;

asRoot(
  'a full disk refuses; nothing refused is kept, nothing acknowledged lost, and it goes on',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'log-courier-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
    try {
      const ballast = join(dir, 'ballast');
      await writeFile(ballast, Buffer.alloc(512 * 1024));
      const { post, close, spool } = await testCollector({ 'reports.segment-max-bytes': '400000' }, { dir });
      const ids: string[] = [];
      const postAll = async (): Promise<number> => {
        const responses = await Promise.all(
          Array.from({ length: 8 }, () => post(JSON.stringify('x'.repeat(60_000)))),
        );
        let refused = 0;
        for (const response of responses) {
          if (response.status === 202) ids.push(acknowledged.parse(await response.json()).id);
          else {
            expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
            expect(await response.json()).toMatchObject({ code: 'disk' });
            refused += 1;
          }
        }
        return refused;
      };
      for (let full = 0; full < 3;) if ((await postAll()) > 0) full += 1;
      // Tries on a full disk leave no files behind.
      expect((await readdir(spool)).filter((name) => name.endsWith('.open')).length).toBeLessThan(3);
      const before = ids.length;
      expect(before).toBeGreaterThan(8);
      await rm(ballast);
      expect((await post('"there is room"')).status).toBe(202);
      await close();
      const reports = await sealedReports(spool);
      const found = reports.map(({ id }) => id);
      expect(ids.filter((id) => !found.includes(id))).toEqual([]);
      expect(found.length).toBe(before + 1);
      expect(new Set(found).size).toBe(found.length);
    } finally {
      execFileSync('umount', ['-l', dir]);
      await rm(dir, { recursive: true });
    }
  },
  60_000,
);

const REQUESTS = 300;
const AT_ONCE = 32;

const ROUTES = ['/api/v1/reports', '/api/v1/reports/batch'].map((path) => ({
  method: 'post' as const,
  path,
  role: 'anyone' as const,
  does: '',
}));

/** A request that breaks what it can, as it goes over the wire. */
function hostile(random: Random): Buffer {
  if (random.chance(0.2)) return brokenHttp(random, ROUTES);
  const path = random.pick([
    '/api/v1/reports',
    '/api/v1/reports/batch',
    '/api/v1/reports?type=%00',
    '//x',
    '/%',
  ]);
  const plain = Buffer.from(
    random.pick([
      '{"a":1}',
      '{"a":[1,\n2]}',
      '{"a":',
      '['.repeat(200_000),
      '{"a":'.repeat(50_000),
      `"${'\\u0000'.repeat(1000)}"`,
      '1,'.repeat(100_000),
      '1\n'.repeat(100_000),
      `[${'1,'.repeat(100_000)}1]`,
      ' '.repeat(3_000_000),
      '{"__proto__":{"type":1},"type":{"toString":1}}',
      '\ufeff1',
      '"\\ud800"',
    ]),
  );
  const coding = random.pick(['', 'gzip', 'zstd', 'gzip, gzip', 'br']);
  const coded =
    coding === 'gzip' ? gzipSync(plain) : coding === 'zstd' ? compress(plain) : plain.subarray(0, 100_000);
  const body = random.chance(0.2) ? coded.subarray(0, random.integer(0, coded.length)) : coded;
  const length = random.chance(0.8)
    ? String(body.length)
    : random.pick(['0', '-1', '99999999999999', String(body.length + 10), '1e3', '0x10']);
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: x',
    'connection: close',
    `content-type: ${random.pick(['application/json', 'application/json', 'application/x-ndjson', 'application/json;;', 'x/y'])}`,
    `content-encoding: ${coding}`,
    ...(random.chance(0.1) ? ['transfer-encoding: chunked'] : [`content-length: ${length}`]),
    ...(random.chance(0.2) ? [`idempotency-key: ${'k'.repeat(random.integer(0, 400))}`] : []),
    ...(random.chance(0.1) ? ['authorization: Bearer x y z'] : []),
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

test('hostile requests get what they deserve, and the collector goes on', async () => {
  const { log, lines } = readableLog();
  const collector = await testCollector({ 'reports.body-timeout-seconds': '1' }, { log });
  onTestEnd = collector.stop;
  const random = seeded(7);
  const requests = Array.from({ length: REQUESTS }, () => hostile(random));
  const statuses = new Map<string, number>();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
        const answer = await sendRaw(collector.url, request);
        for (const [, status = ''] of answer.matchAll(/HTTP\/1\.1 (\d{3})/g))
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  expect([...statuses.keys()].filter((status) => status >= '500')).toEqual([]);
  for (const status of ['202', '400', '404', '413', '415'])
    expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  const [before, usual] = [statuses.get('202') ?? 0, await collector.post('{"fine":true}')];
  expect([before > 0, usual.status]).toEqual([true, 202]);
  const slow = await sendRaw(
    collector.url,
    'POST /api/v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n1',
  );
  expect(slow).toMatch(/^HTTP\/1\.1 408/);
  const reports = await collector.stored();
  for (const { line } of reports) {
    expect(line).not.toMatch(/[\n\r]/);
    expect(() => void JSON.parse(line)).not.toThrow();
  }
  expect(reports.at(-1)?.line).toBe('{"fine":true}');
}, 60_000);
