import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { generateRecords } from '../../src/pipelines/access-logs/generate/generate.js';
import type { GenerateOptions } from '../../src/pipelines/access-logs/generate/plan.js';
import { parseLogLine } from '../../src/pipelines/access-logs/log-line-parser.js';
import { logLineExpression } from '../../src/pipelines/access-logs/log-line-sql.js';
import { startLogsDatabase, type LogsDatabase } from '../support/logs-database.js';

const ROWS = 30_000;
const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const options: GenerateOptions = { rows: ROWS, seed: 7, now, rowsPerInsert: 11_000 };
const TIMES = 'insertedAt, startTime';

let db: LogsDatabase;

beforeAll(async () => {
  db = await startLogsDatabase();
});

afterAll(async () => {
  await db.stop();
});

/** A hash over rows of these columns, in whatever order they lie. */
async function fingerprint(columns: string, of = 'SELECT'): Promise<string> {
  const row = z.object({ hash: z.string() });
  const sql = `SELECT toString(groupBitXor(sipHash64(toString(tuple(*))))) AS hash FROM (${of} ${columns} FROM {logs})`;
  const [answer] = await db.select(row, sql);
  return answer?.hash ?? '';
}

async function generated(more: Partial<GenerateOptions> = {}): Promise<string> {
  await db.clear();
  await generateRecords(db.clickhouse, db.tables, { ...options, ...more });
  return fingerprint(`* EXCEPT (${TIMES})`);
}

async function count(condition: string): Promise<number> {
  const row = z.object({ found: z.number() });
  const [answer] = await db.select(row, `SELECT count() AS found FROM {logs} WHERE ${condition}`);
  return answer?.found ?? Number.NaN;
}

describe('the same seed', () => {
  test('makes the same records, whatever the time and the size of an INSERT are', async () => {
    const first = await generated();
    const earlier = new Date(now.getTime() - 7_200_000);
    expect(await generated({ now: earlier, spanSeconds: 60, rowsPerInsert: 4999 })).toBe(first);
  });

  test('makes the same times too when it is given the time', async () => {
    await generated();
    const first = await fingerprint('*');
    await generated();
    expect(await fingerprint('*')).toBe(first);
  });
});

test('another seed makes other records of the same buckets', async () => {
  await generated();
  const bucketColumns = 'bucketName, bucketOwner, raftSessionID, loggingTargetBucket';
  const buckets = await fingerprint(bucketColumns, 'SELECT DISTINCT');
  const records = await fingerprint('req_id');
  await generated({ seed: 8 });
  expect(await fingerprint(bucketColumns, 'SELECT DISTINCT')).toBe(buckets);
  expect(await fingerprint('req_id')).not.toBe(records);
});

describe('generated records', () => {
  beforeAll(async () => {
    await generated();
  });

  test('are as many as were asked for, each with a request id of its own', async () => {
    const row = z.object({ records: z.number(), ids: z.number(), odd: z.number() });
    const sql = `SELECT count() AS records, uniqExact(req_id) AS ids,
      countIf(NOT match(req_id, '^[0-9A-F]{16}$')) AS odd FROM {logs}`;
    expect(await db.select(row, sql)).toEqual([{ records: ROWS, ids: ROWS, odd: 0 }]);
  });

  test('follow Zipf’s law over the buckets', async () => {
    const row = z.object({ records: z.number() });
    const sql = 'SELECT count() AS records FROM {logs} GROUP BY bucketName ORDER BY records DESC';
    const counts = (await db.select(row, sql)).map(({ records }) => records);
    const weights = Array.from({ length: 50 }, (_, index) => 1 / (index + 1));
    const total = weights.reduce((sum, weight) => sum + weight);
    expect(counts).toHaveLength(50);
    for (const rank of [0, 1, 2, 4, 9, 19]) {
      const expected = (ROWS * (weights[rank] ?? 0)) / total;
      // five standard deviations of a binomial draw
      expect(Math.abs((counts[rank] ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  test('of one bucket have one owner, one raft session and one target', async () => {
    const row = z.object({ different: z.number() });
    const sql = `SELECT max(uniqExact(bucketOwner, raftSessionID, loggingTargetBucket, loggingTargetPrefix)) OVER ()
      AS different FROM {logs} GROUP BY bucketName LIMIT 1`;
    expect(await db.select(row, sql)).toEqual([{ different: 1 }]);
    const shared = z.object({ targets: z.number(), sessions: z.number() });
    const few =
      'SELECT uniqExact(loggingTargetBucket) AS targets, uniqExact(raftSessionID) AS sessions FROM {logs}';
    expect(await db.select(shared, few)).toEqual([{ targets: 5, sessions: 8 }]);
    expect(await count(`loggingTargetPrefix != concat(bucketName, '/') OR NOT loggingEnabled`)).toBe(0);
  });

  test('come in evenly over the span, each up to 30 seconds after its request', async () => {
    const row = z.object({ first: z.number(), last: z.number(), fewest: z.number(), most: z.number() });
    const sql = `SELECT toUnixTimestamp(min(insertedAt)) AS first, toUnixTimestamp(max(insertedAt)) AS last,
      min(n) AS fewest, max(n) AS most FROM
      (SELECT insertedAt, count() AS n FROM {logs} GROUP BY insertedAt HAVING insertedAt < toDateTime({end:UInt32}))`;
    const end = now.getTime() / 1000;
    expect(await db.select(row, sql, { end })).toEqual([
      { first: end - 900, last: end - 1, fewest: 33, most: 34 },
    ]);
    const delay = 'toUnixTimestamp(insertedAt) * 1000 - toUnixTimestamp64Milli(startTime)';
    expect(await count(`${delay} NOT BETWEEN 0 AND 30000`)).toBe(0);
  });

  test('have errors with a code, and successes without', async () => {
    expect(await count('(httpCode >= 400) != (errorCode IS NOT NULL)')).toBe(0);
    expect(await count('httpCode >= 400')).toBeGreaterThan(ROWS * 0.03);
    expect(await count('httpCode >= 400')).toBeLessThan(ROWS * 0.1);
  });

  test.each([
    ['HEAD sends nothing', `operation LIKE 'REST.HEAD.%' AND bytesSent IS NOT NULL`],
    [
      'a whole object is sent whole',
      `operation = 'REST.GET.OBJECT' AND httpCode = 200 AND bytesSent != objectSize`,
    ],
    ['a part of one is no longer than it', `httpCode = 206 AND (bytesSent > objectSize OR bytesSent = 0)`],
    ['204 and 304 have no body', `httpCode IN (204, 304) AND bytesSent IS NOT NULL`],
    [
      'the URI has the method',
      `NOT startsWith(requestURI, concat(splitByChar('.', assumeNotNull(operation))[2], ' '))
      AND operation NOT LIKE '%COPY%' AND operation NOT LIKE 'BATCH%'`,
    ],
    ['the URI has no space but two', `countSubstrings(requestURI, ' ') != 2`],
    [
      'what is about the bucket has no key',
      `(operation LIKE '%.BUCKET') != (objectKey IS NULL)
      AND operation NOT IN ('REST.GET.LOCATION', 'REST.GET.VERSIONING')`,
    ],
    [
      'nobody signs nothing',
      `(signatureVersion IS NULL) != (requester IS NULL) OR (awsAccessKeyID IS NULL) != (requester IS NULL)`,
    ],
    ['a cipher suite comes with TLS', `(cipherSuite IS NULL) != (tlsVersion IS NULL)`],
    ['the request takes at least the time to turn it around', `totalTime < turnAroundTime`],
    ['addresses are addresses', `toIPv6OrNull(clientIP) IS NULL`],
  ])('are plausible: %s', async (_, never) => {
    expect(await count(never)).toBe(0);
  });

  test('are varied in every column', async () => {
    const least = {
      hostname: 6, requester: 100, operation: 16, requestURI: 10_000, errorCode: 5, objectSize: 5000, totalTime: 200,
      turnAroundTime: 200, referer: 6, userAgent: 15, versionId: 1000, signatureVersion: 2, cipherSuite: 5,
      authenticationType: 2, hostHeader: 40, tlsVersion: 2, aclRequired: 1, bucketOwner: 5, bucketName: 50,
      bytesSent: 5000, clientIP: 1000, httpCode: 9, objectKey: 10_000, awsAccessKeyID: 500,
    }; // prettier-ignore
    const counts = Object.keys(least).map((column) => `uniqExact(${column}) AS ${column}`);
    const [found] = await db.select(
      z.record(z.string(), z.number()),
      `SELECT ${counts.join(', ')} FROM {logs}`,
    );
    for (const [column, number] of Object.entries(least)) {
      expect([column, (found?.[column] ?? 0) >= number]).toEqual([column, true]);
    }
  });

  test('have keys that are awkward to write down, and addresses of both kinds', async () => {
    for (const text of [' ', '"', "'", '+', '%', '\\\\', 'é', '報', '🚀']) {
      expect(await count(`position(objectKey, '${text.replace("'", "\\'")}') > 0`)).toBeGreaterThan(0);
    }
    expect(await count(`position(clientIP, ':') > 0`)).toBeGreaterThan(ROWS / 20);
    expect(await count(`position(clientIP, '.') > 0`)).toBeGreaterThan(ROWS / 2);
  });

  test('make log lines of some 430 bytes that can be read again', async () => {
    const row = z.object({ line: z.string(), average: z.number() });
    const sql = `SELECT ${logLineExpression()} AS line, avg(length(line)) OVER () AS average FROM {logs}`;
    const lines = await db.select(row, sql);
    expect(lines[0]?.average).toBeGreaterThan(400);
    expect(lines[0]?.average).toBeLessThan(460);
    expect(lines.filter(({ line }) => !parseLogLine(line).ok)).toEqual([]);
  });
});

describe('a generation', () => {
  test('tells how far it is and what it made', async () => {
    await db.clear();
    const steps: number[] = [];
    const result = await generateRecords(db.clickhouse, db.tables, {
      ...options,
      targetBuckets: 2,
      onProgress: (done) => steps.push(done),
    });
    expect(result).toEqual({
      rows: ROWS,
      sourceBuckets: 50,
      targetBuckets: ['northwind-logs-01', 'acme-logs-02'],
      firstInsertedAt: new Date(now.getTime() - 900_000),
      lastInsertedAt: now,
    });
    expect(steps).toHaveLength(3);
    expect(steps.at(-1)).toBe(ROWS);
  });

  test('leaves a share of the records quiet when it is asked to', async () => {
    await generated({ quietShare: 0.25 });
    const quiet = await count(`NOT loggingEnabled AND loggingTargetBucket = '' AND loggingTargetPrefix = ''`);
    expect(Math.abs(quiet - ROWS / 4)).toBeLessThan(5 * Math.sqrt(ROWS / 4));
    expect(await count('loggingEnabled')).toBe(ROWS - quiet);
  });

  test('names ten thousand buckets differently, and as S3 allows', async () => {
    await generated({ sourceBuckets: 10_000, rows: 300_000, rowsPerInsert: 300_000 });
    const row = z.object({ buckets: z.number() });
    const [found] = await db.select(row, 'SELECT uniqExact(bucketName) AS buckets FROM {logs}');
    expect(found?.buckets).toBeGreaterThan(9000);
    expect(found?.buckets).toBeLessThanOrEqual(10_000);
    expect(await count(`NOT match(bucketName, '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$')`)).toBe(0);
  });

  test('makes a single record as well', async () => {
    await generated({ rows: 1, sourceBuckets: 1, targetBuckets: 1, spanSeconds: 0 });
    expect(await count('1')).toBe(1);
  });

  test('stops when it is told to', async () => {
    await db.clear();
    const stop = new AbortController();
    const running = generateRecords(db.clickhouse, db.tables, {
      ...options,
      rowsPerInsert: 1000,
      signal: stop.signal,
      onProgress: () => {
        stop.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow();
    expect(await count('1')).toBeLessThan(ROWS);
  });
});
