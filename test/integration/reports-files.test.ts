import { mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { compress } from 'zstd-napi';
import { importFiles, type Imported } from '../../src/pipelines/reports/import/import-files.js';
import { takeDropped } from '../../src/pipelines/reports/import/watch.js';
import {
  cat,
  deliverAll,
  filesBelow,
  noSignal,
  testReports,
  zstdcat,
  type TestReports,
} from '../support/reports.js';

let reports: TestReports;
let from: string;
let problems: string[];

beforeEach(async () => {
  reports = await testReports();
  from = join(reports.dir, 'from');
  problems = [];
  await mkdir(from);
});

afterEach(async () => {
  await reports.stop();
});

function take(moveTo?: string): Promise<Imported> {
  return importFiles({
    ...reports.parts(),
    directory: from,
    moveTo,
    signal: noSignal,
    onProblem: (file, why) => problems.push(`${file.slice(from.length + 1)}: ${why}`),
  });
}

async function texts(): Promise<readonly string[]> {
  return (await cat(reports.parts())).found.map(({ text }) => text);
}

describe('files that another collector left', () => {
  test('go into the archive under their names, with every digit and blank as it was', async () => {
    const lines = '{"n":12345678901234567890.10, "a" : "ü"}\n{"n":2}\n';
    await writeFile(join(from, 'reports-2026-01-02T03-04-05.678Z.jsonl.zst'), compress(Buffer.from(lines)));
    expect(await take()).toEqual({ files: 1, records: 2, known: 0, problems: 0 });
    expect(await deliverAll(reports.process())).toBe(1);
    expect(await filesBelow(reports.archive)).toEqual(['reports-2026-01-02T03-04-05.678Z.jsonl.zst']);
    expect(await zstdcat(join(reports.archive, 'reports-2026-01-02T03-04-05.678Z.jsonl.zst'))).toBe(lines);
    expect(await readdir(join(reports.spool, 'files'))).toEqual([]);
    expect(await readdir(from)).toHaveLength(1);
  });

  test('are taken once, whatever they are called when they are offered again, and however late', async () => {
    await writeFile(join(from, 'a.jsonl'), '{"n":1}\n{"n":2}');
    await take();
    expect(await take()).toMatchObject({ files: 0, known: 1 });
    await deliverAll(reports.process());
    await rename(join(from, 'a.jsonl'), join(from, 'b.jsonl'));
    await utimes(join(from, 'b.jsonl'), 1e9, 1e9);
    expect(await take()).toMatchObject({ files: 0, known: 1 });
    await deliverAll(reports.process());
    expect(await texts()).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('can be plain, gzip or zstd, in folders, and move away when they are taken', async () => {
    await mkdir(join(from, 'deep'));
    await writeFile(join(from, 'reports-2026-01-01T00-00-00.001Z.jsonl'), '{"n":1}\n\n{"n":2}\n');
    await writeFile(join(from, 'reports-2026-01-01T00-00-00.002Z.jsonl.gz'), gzipSync('{"n":3}\n'));
    await writeFile(
      join(from, 'deep', 'reports-2026-01-01T00-00-00.003Z.jsonl.zst'),
      compress(Buffer.from('{"n":4}')),
    );
    await writeFile(join(from, 'README'), 'no reports');
    expect(await take(join(from, 'taken'))).toEqual({ files: 3, records: 4, known: 0, problems: 0 });
    expect(await filesBelow(from)).toEqual([
      'README',
      'taken/reports-2026-01-01T00-00-00.001Z.jsonl',
      'taken/reports-2026-01-01T00-00-00.002Z.jsonl.gz',
      'taken/reports-2026-01-01T00-00-00.003Z.jsonl.zst',
    ]);
    await deliverAll(reports.process());
    expect(await texts()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);
  });

  test('keep apart in the archive when they have the same time', async () => {
    await mkdir(join(from, 'b'));
    const name = 'reports-2026-01-01T00-00-00.000Z.jsonl';
    await writeFile(join(from, name), '{"n":1}\n');
    await writeFile(join(from, 'b', name), '{"n":2}\n');
    await take();
    await deliverAll(reports.process());
    expect(await filesBelow(reports.archive)).toEqual([
      'reports-2026-01-01T00-00-00.000Z-2.jsonl.zst',
      'reports-2026-01-01T00-00-00.000Z.jsonl.zst',
    ]);
    expect([...(await texts())].sort()).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('stay where they are when they are broken, and the others are taken', async () => {
    const whole = compress(Buffer.from('{"n":1}\n'.repeat(1000)));
    await writeFile(join(from, 'a.jsonl.zst'), whole.subarray(0, whole.length - 5));
    await writeFile(join(from, 'b.jsonl'), '{"n":1}\n{"n":\n');
    await writeFile(join(from, 'c.jsonl.gz'), 'no gzip');
    await writeFile(join(from, 'd.jsonl'), '{"n":7}\n');
    expect(await take()).toEqual({ files: 1, records: 1, known: 0, problems: 3 });
    expect(problems).toEqual([
      expect.stringMatching(/^a\.jsonl\.zst: it is no whole zstd file/),
      'b.jsonl: line 2 is no JSON',
      expect.stringMatching(/^c\.jsonl\.gz: it is no whole gzip file/),
    ]);
    expect(await readdir(join(reports.spool, 'files'))).toHaveLength(1);
  });
});

describe('a directory that is watched', () => {
  const drop = (quietSeconds: number): Promise<void> =>
    takeDropped({ ...reports.parts(), directory: from, quietSeconds }, noSignal);

  test('gives its files away when nothing is written to them any more, each once', async () => {
    await writeFile(join(from, 'a.jsonl'), '{"n":1}\n');
    await writeFile(join(from, '.b.jsonl'), '{"n":2}\n');
    await drop(3600);
    expect(await readdir(join(from))).toHaveLength(2);
    await drop(0);
    expect(await readdir(from)).toEqual(['.b.jsonl']);
    await writeFile(join(from, 'a-again.jsonl'), '{"n":1}\n');
    await drop(0);
    await deliverAll(reports.process());
    expect(await readdir(from)).toEqual(['.b.jsonl']);
    expect(await texts()).toEqual(['{"n":1}']);
  });

  test('has what is broken put aside, with the reason, and the others taken', async () => {
    await writeFile(join(from, 'a.jsonl'), 'no JSON\n');
    await writeFile(join(from, 'b.jsonl'), '{"n":2}\n');
    await drop(0);
    await writeFile(join(from, 'a.jsonl'), 'no JSON either\n');
    await drop(0);
    expect(await filesBelow(from)).toEqual([
      'broken/2-a.jsonl',
      'broken/2-a.jsonl.reason.txt',
      'broken/a.jsonl',
      'broken/a.jsonl.reason.txt',
    ]);
    expect(await readFile(join(from, 'broken', 'a.jsonl.reason.txt'), 'utf8')).toBe('line 1 is no JSON\n');
    await deliverAll(reports.process());
    expect(await texts()).toEqual(['{"n":2}']);
  });

  test('is looked at by discovery', async () => {
    const watched = await testReports({
      'reports.watch-directory': from,
      'reports.watch-quiet-seconds': '0',
    });
    await writeFile(join(from, 'a.jsonl'), '{"n":1}\n');
    expect(await deliverAll(watched.service())).toBe(1);
    expect((await cat(watched.parts())).found.map(({ text }) => text)).toEqual(['{"n":1}']);
    await watched.stop();
  });
});
