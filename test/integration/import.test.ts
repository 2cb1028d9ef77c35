import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { generateRecords } from '../../src/pipelines/access-logs/generate/generate.js';
import { importLogFiles, type LineProblem } from '../../src/pipelines/access-logs/import.js';
import { LogFileError } from '../../src/pipelines/access-logs/log-file.js';
import { logLineExpression } from '../../src/pipelines/access-logs/log-line-sql.js';
import { awsLogLines } from '../support/aws-log-lines.js';
import { startLogsDatabase, type LogsDatabase } from '../support/logs-database.js';

let db: LogsDatabase;

beforeAll(async () => {
  db = await startLogsDatabase();
});

beforeEach(async () => {
  await db.clear();
});

afterAll(async () => {
  await db.stop();
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(db.dir, name);
  await writeFile(path, content);
  return path;
}

async function lines(): Promise<string[]> {
  const sql = `SELECT ${logLineExpression()} AS line FROM {logs} ORDER BY line`;
  return (await db.select(z.object({ line: z.string() }), sql)).map(({ line }) => line);
}

async function records(): Promise<number> {
  const [answer] = await db.select(z.object({ n: z.number() }), 'SELECT count() AS n FROM {logs}');
  return answer?.n ?? Number.NaN;
}

const good = awsLogLines.join('\n');

describe('an imported file', () => {
  test('gives back the lines that log-courier wrote', async () => {
    await generateRecords(db.clickhouse, db.tables, { rows: 25_000, seed: 3 });
    const written = await lines();
    const path = await file('written.log', `${written.join('\n')}\n`);
    await db.clear();
    const steps: number[] = [];
    const result = await importLogFiles(db.clickhouse, db.tables, [path], {
      onProgress: (done) => steps.push(done),
    });
    expect(result).toEqual({ files: 1, records: 25_000, problems: 0 });
    expect(steps).toEqual([10_000, 20_000, 25_000]);
    expect(await lines()).toEqual(written);
  });

  test('may be gzip, whatever its name is, in one piece or several', async () => {
    const members = Buffer.concat([gzipSync(`${good}\n`), gzipSync(`${good}\n`)]);
    const files = [await file('packed.log', members), await file('plain.gz', good)];
    const result = await importLogFiles(db.clickhouse, db.tables, files);
    expect(result).toEqual({ files: 2, records: 15, problems: 0 });
  });

  test('may end its lines as on Windows, and hold empty ones', async () => {
    const path = await file('windows.log', `\r\n${awsLogLines.join('\r\n')}\r\n\r\n`);
    expect(await importLogFiles(db.clickhouse, db.tables, [path])).toMatchObject({ records: 5, problems: 0 });
  });

  test('may be empty', async () => {
    const path = await file('empty.log', '');
    expect(await importLogFiles(db.clickhouse, db.tables, [path])).toMatchObject({ records: 0, problems: 0 });
  });
});

describe('a line that cannot be read', () => {
  test('is told with its file and number, and the others are imported', async () => {
    const [first, ...others] = awsLogLines;
    const tooLong = 'x'.repeat(3 * 1024 * 1024);
    const broken = await file(
      'broken.log',
      ['not a log line', first, '', first.replace('06/Feb/2019', '31/Feb/2019'), tooLong, ...others].join(
        '\n',
      ),
    );
    const whole = await file('whole.log', good);
    const problems: LineProblem[] = [];
    const result = await importLogFiles(db.clickhouse, db.tables, [whole, broken], {
      onProblem: (problem) => problems.push(problem),
    });
    expect(result).toEqual({ files: 2, records: 10, problems: 3 });
    expect(problems).toEqual([
      { file: broken, line: 1, message: expect.stringMatching(/^field 3 \(Time\)/) },
      { file: broken, line: 4, message: expect.stringMatching(/^field 3 \(Time\).*31\/Feb\/2019/) },
      { file: broken, line: 5, message: 'the line is longer than 1048576 bytes' },
    ]);
  });

  test('takes no memory for its length', async () => {
    // 400 MB of one line, packed into some 400 KB
    const path = await file('endless.log', gzipSync(Buffer.alloc(400 * 1024 * 1024, 'x')));
    const before = process.memoryUsage.rss();
    let problems = 0;
    await importLogFiles(db.clickhouse, db.tables, [path], {
      onProblem: () => {
        problems += 1;
      },
    });
    expect(problems).toBe(1);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });
});

describe('imported records', () => {
  const placed = z.object({
    enabled: z.boolean(),
    bucket: z.string(),
    prefix: z.string(),
    session: z.number(),
    n: z.number(),
  });
  const placedSql = `SELECT loggingEnabled AS enabled, loggingTargetBucket AS bucket, loggingTargetPrefix AS prefix,
    raftSessionID AS session, count() AS n FROM {logs} GROUP BY ALL`;

  test('are delivered to the target bucket that was given', async () => {
    await importLogFiles(db.clickhouse, db.tables, [await file('placed.log', good)], {
      targetBucket: 'old-logs',
      targetPrefix: '2019/',
      raftSession: 3,
    });
    expect(await db.select(placed, placedSql)).toEqual([
      { enabled: true, bucket: 'old-logs', prefix: '2019/', session: 3, n: 5 },
    ]);
  });

  test('are only kept without one', async () => {
    await importLogFiles(db.clickhouse, db.tables, [await file('kept.log', good)], { targetPrefix: 'x/' });
    expect(await db.select(placed, placedSql)).toEqual([
      { enabled: false, bucket: '', prefix: '', session: 0, n: 5 },
    ]);
  });

  test('count as inserted now, with the time of the request as the line has it in UTC', async () => {
    await importLogFiles(db.clickhouse, db.tables, [await file('times.log', good)]);
    const row = z.object({ first: z.number(), fresh: z.number() });
    const sql = `SELECT min(toUnixTimestamp64Milli(startTime)) AS first,
      countIf(insertedAt > now() - 600) AS fresh FROM {logs}`;
    expect(await db.select(row, sql)).toEqual([{ first: Date.parse('2019-02-06T00:00:38Z'), fresh: 5 }]);
  });
});

describe('an import', () => {
  test('of a file that is not there says which one', async () => {
    const path = join(db.dir, 'nowhere.log');
    const importing = importLogFiles(db.clickhouse, db.tables, [path]);
    await expect(importing).rejects.toThrow(LogFileError);
    await expect(importing).rejects.toThrow(`read ${path}: ENOENT`);
  });

  test('of a gzip file that breaks off fails, however much of it could be read', async () => {
    const packed = gzipSync(`${good}\n`.repeat(100));
    const path = await file('cut.log.gz', packed.subarray(0, packed.length - 20));
    await expect(importLogFiles(db.clickhouse, db.tables, [path])).rejects.toThrow(LogFileError);
  });

  test('stops when it is told to', async () => {
    const path = await file('many.log', `${good}\n`.repeat(10_000));
    const stop = new AbortController();
    const importing = importLogFiles(db.clickhouse, db.tables, [path], {
      signal: stop.signal,
      onProgress: () => {
        stop.abort(new Error('enough'));
      },
    });
    await expect(importing).rejects.toThrow('enough');
    expect(await records()).toBe(10_000);
  });
});
