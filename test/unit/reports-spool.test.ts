import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DirectoryInUseError } from '../../src/config/directory-lock.js';
import { silentLog } from '../../src/observability/log.js';
import { readSegment } from '../../src/pipelines/reports/segments.js';
import { SpoolClosedError, SpoolFullError } from '../../src/pipelines/reports/spool/errors.js';
import { MAGIC, recordAt, recordsOf, type NewReport } from '../../src/pipelines/reports/spool/framing.js';
import { wholeLength } from '../../src/pipelines/reports/spool/recover.js';
import { isSealedSegment } from '../../src/pipelines/reports/spool/segment-names.js';
import { Spool, type SpoolOptions } from '../../src/pipelines/reports/spool/spool.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-courier-spool-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function report(id: string, line = `{"n":"${id}"}`): NewReport {
  return { id, receivedMs: 1_800_000_000_000, agent: 'a', type: '', line: Buffer.from(line) };
}

function openSpool(options: Partial<SpoolOptions> = {}): Promise<Spool> {
  return Spool.open({
    ...{ directory, segmentMaxBytes: 1e6, segmentMaxMs: 60_000, maxBytes: 1e7, maxKeys: 1000 },
    log: silentLog(),
    ...options,
  });
}

/** The ids of all reports in sealed segments, as a delivery reads them. */
async function sealedIds(): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of (await readdir(directory)).filter(isSealedSegment).sort())
    for await (const reports of readSegment(join(directory, name), new AbortController().signal))
      ids.push(...reports.map(({ id }) => id));
  return ids;
}

test('a record is read back as it was written, whatever is in it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.string(), agent: fc.string(), type: fc.string(), line: fc.uint8Array() }), {
        minLength: 1,
        maxLength: 5,
      }),
      (given) => {
        const reports = given.map((one) => ({ ...one, receivedMs: 1 }));
        const bytes = recordsOf(reports);
        let from = 0;
        for (const [index, { id, agent, type, line }] of reports.entries()) {
          const record = recordAt(bytes, from);
          if (typeof record === 'string') throw new Error(record);
          expect(record.header).toMatchObject({ id, agent, type });
          expect(record.header.of).toEqual(reports.length === 1 ? undefined : [index + 1, reports.length]);
          expect(Buffer.compare(record.line, Buffer.from(line))).toBe(0);
          from = record.end;
        }
        expect(from).toBe(bytes.length);
      },
    ),
  );
});

test('a byte that is another makes a record damaged or incomplete, never another report', () => {
  const bytes = recordsOf([report('1', '{"value":[1,2,3]}')]);
  for (let at = 0; at < bytes.length; at += 1) {
    const harmed = Buffer.from(bytes);
    harmed[at] = (harmed[at] ?? 0) ^ 0x01;
    expect(recordAt(harmed, 0)).toMatch(/^(damaged|incomplete)$/);
  }
});

test('wherever a segment breaks off, all whole reports before are kept, and batches only as a whole', async () => {
  const parts = [
    recordsOf([report('1')]),
    recordsOf([report('2a'), report('2b'), report('2c')]),
    recordsOf([report('3')]),
  ];
  const whole = Buffer.concat([MAGIC, ...parts]);
  const ends = parts.map((_, index) => MAGIC.length + Buffer.concat(parts.slice(0, index + 1)).length);
  const path = join(directory, 'segment');
  for (let length = 0; length <= whole.length; length += 1) {
    await writeFile(path, whole.subarray(0, length));
    const file = await open(path);
    const ids: string[] = [];
    const kept = await wholeLength(file, (headers) => ids.push(...headers.map(({ id }) => id)));
    await file.close();
    const complete = ends.filter((end) => end <= length).length;
    expect(ids).toEqual(['1', '2a', '2b', '2c', '3'].slice(0, [0, 1, 4, 5][complete]));
    expect(kept).toBe(length < MAGIC.length ? 0 : (ends[complete - 1] ?? MAGIC.length));
  }
});

test('what was acknowledged is kept by a process that dies, and its torn end is cut off', async () => {
  const dead = await openSpool();
  await Promise.all(['1', '2', '3'].map((id) => dead.append([report(id)])));
  // As after a power cut: the lock is gone, and half of a report that nobody was told of is on the disk.
  const [name = ''] = (await readdir(directory)).filter((one) => one.endsWith('.open'));
  const before = await readFile(join(directory, name));
  await writeFile(join(directory, name), Buffer.concat([before, recordsOf([report('4')]).subarray(0, 20)]));
  await rm(join(directory, 'lock.json'));
  const next = await openSpool();
  expect(await sealedIds()).toEqual(['1', '2', '3']);
  await next.append([report('5')]);
  await next.close();
  expect(await sealedIds()).toEqual(['1', '2', '3', '5']);
  await dead.close().catch(() => undefined);
});

test('an empty segment that a dead process left is removed', async () => {
  await writeFile(join(directory, '2026-01-01T00-00-00.000Z-00000000.open'), MAGIC.subarray(0, 3));
  const spool = await openSpool();
  expect((await readdir(directory)).filter((name) => name.includes('2026-01-01'))).toEqual([]);
  await spool.close();
});

test('reports that come at the same time share a sync', async () => {
  const groups: number[] = [];
  const spool = await openSpool({ onSync: (_, requests) => groups.push(requests) });
  await Promise.all(Array.from({ length: 100 }, (_, index) => spool.append([report(String(index))])));
  await spool.close();
  expect(groups.reduce((sum, one) => sum + one, 0)).toBe(100);
  expect(groups.length).toBeLessThan(10);
  expect(new Set(await sealedIds()).size).toBe(100);
});

test('a segment is sealed when it is large enough, and nothing is lost at the border', async () => {
  const spool = await openSpool({ segmentMaxBytes: 2000 });
  for (let index = 0; index < 100; index += 1) await spool.append([report(String(index))]);
  const sealed = (await readdir(directory)).filter(isSealedSegment);
  await spool.close();
  expect(sealed.length).toBeGreaterThanOrEqual(3);
  expect(await sealedIds()).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
});

test('a segment is sealed when it is old enough', async () => {
  const spool = await openSpool({ segmentMaxMs: 20 });
  await spool.append([report('1')]);
  while ((await sealedIds()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await spool.close();
  expect(await sealedIds()).toEqual(['1']);
});

test('a full spool refuses, and drops nothing', async () => {
  const spool = await openSpool({ maxBytes: 1_000 });
  let stored = 0;
  const store = async (): Promise<void> => {
    for (;;) {
      await spool.append([report(String(stored))]);
      stored += 1;
    }
  };
  await expect(store()).rejects.toBeInstanceOf(SpoolFullError);
  await spool.close();
  expect(stored).toBeGreaterThan(3);
  expect((await sealedIds()).length).toBe(stored);
});

test('a second process is kept out of the spool, and a closed one takes nothing', async () => {
  const spool = await openSpool();
  await expect(openSpool()).rejects.toBeInstanceOf(DirectoryInUseError);
  await spool.close();
  await expect(spool.append([report('1')])).rejects.toBeInstanceOf(SpoolClosedError);
});

test('keys of requests are known after a crash, and after their segment was delivered', async () => {
  const request = { key: 'k', body: 'b' };
  const first = await openSpool();
  await first.append([report('1'), report('2')], request);
  await rm(join(directory, 'lock.json'));
  const second = await openSpool();
  const nowMs = 1_800_000_000_000 + 1000;
  expect(second.keys.get('k', nowMs)).toMatchObject({ body: 'b', ids: ['1', '2'] });
  for (const name of (await readdir(directory)).filter(isSealedSegment)) await rm(join(directory, name));
  await second.close();
  const third = await openSpool();
  expect(third.keys.get('k', nowMs)).toMatchObject({ body: 'b', ids: ['1', '2'] });
  expect(third.keys.get('k', nowMs + 86_400_000)).toBeUndefined();
  await third.close();
  await first.close().catch(() => undefined);
});

test('a record that is damaged within a segment ends what is read of it', async () => {
  const path = join(directory, 'segment');
  const bytes = Buffer.concat([MAGIC, recordsOf([report('1')]), recordsOf([report('2')])]);
  bytes[MAGIC.length + 12] = 0xff;
  await writeFile(path, bytes);
  await truncate(path, bytes.length);
  const file = await open(path);
  expect(await wholeLength(file, () => undefined)).toBe(MAGIC.length);
  await file.close();
});
