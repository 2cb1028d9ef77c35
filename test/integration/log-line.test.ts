import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import { parseLogLine } from '../../src/pipelines/access-logs/log-line-parser.js';
import { logLineExpression } from '../../src/pipelines/access-logs/log-line-sql.js';
import { awsLogLinePattern, awsLogLines, awsOldLogLines } from '../support/aws-log-lines.js';
import { hostileRecord } from '../support/hostile-records.js';
import { expectedFields, millisecondsField, type ReferenceRecord } from '../support/log-line-reference.js';

const RECORDS = 20_000;
const BATCH = 4_000;

const TEXT_COLUMNS = [
  ...['requester', 'operation', 'requestURI', 'errorCode', 'referer', 'userAgent', 'versionId', 'hostHeader'],
  ...['bucketOwner', 'bucketName', 'req_id', 'clientIP', 'objectKey', 'signatureVersion', 'cipherSuite'],
  ...['authenticationType', 'tlsVersion', 'aclRequired'],
];
const NUMBER_COLUMNS = ['objectSize', 'bytesSent', 'httpCode', 'totalTime', 'turnAroundTime'];

let dir: string;
let engine: Engine;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-log-line-'));
  engine = await startClickHouse({ dir });
  await send('CREATE DATABASE logs');
  await send(`CREATE TABLE logs.logs (
    startTime DateTime64(3), requester Nullable(String), operation Nullable(String),
    requestURI Nullable(String), errorCode Nullable(String), objectSize Nullable(UInt64),
    totalTime Nullable(Float32), turnAroundTime Nullable(Float32), referer Nullable(String),
    userAgent Nullable(String), versionId Nullable(String),
    signatureVersion LowCardinality(Nullable(String)), cipherSuite LowCardinality(Nullable(String)),
    authenticationType LowCardinality(Nullable(String)), hostHeader Nullable(String),
    tlsVersion LowCardinality(Nullable(String)), aclRequired LowCardinality(Nullable(String)),
    bucketOwner Nullable(String), bucketName String DEFAULT '', req_id String DEFAULT '',
    bytesSent Nullable(UInt64), clientIP Nullable(String), httpCode Nullable(UInt16),
    objectKey Nullable(String), raftSessionID UInt16 DEFAULT 0
  ) ENGINE = MergeTree ORDER BY raftSessionID`);
});

beforeEach(async () => {
  await send('TRUNCATE TABLE logs.logs');
});

afterAll(async () => {
  await engine.stop();
  await rm(dir, { recursive: true });
});

async function send(query: string, body?: Buffer, settings: Record<string, string> = {}): Promise<Buffer> {
  const url = `${engine.url}/?${new URLSearchParams({ ...settings, ...(body ? { query } : {}) }).toString()}`;
  // A connection that is kept is closed by the server while a test computes, and then fails the next request.
  const headers = { connection: 'close' };
  const response = await fetch(url, { method: 'POST', body: body ?? query, headers });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(answer.toString('utf8').slice(0, 500));
  return answer;
}

/** The log lines in order of raftSessionID, which holds the records' order here. */
async function deliveredLines(settings: Record<string, string> = {}): Promise<string[]> {
  const query = `SELECT ${logLineExpression()} FROM logs.logs ORDER BY raftSessionID FORMAT TSVRaw`;
  const bytes = await send(query, undefined, settings);
  const lines = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).split('\n');
  expect(lines.pop()).toBe('');
  return lines;
}

async function insertRecords(records: readonly ReferenceRecord[]): Promise<void> {
  const columns = ['raftSessionID', 'startTime', ...TEXT_COLUMNS, ...NUMBER_COLUMNS];
  const query = `INSERT INTO logs.logs (${columns.join(', ')}) FORMAT TSV`;
  for (let first = 0; first < records.length; first += BATCH) {
    const rows = records.slice(first, first + BATCH).map((record, index) => tsvRow(first + index, record));
    await send(query, Buffer.concat(rows), { date_time_input_format: 'best_effort' });
  }
}

/** TSV rather than JSON, for its strings may hold any bytes. */
function tsvRow(position: number, record: ReferenceRecord): Buffer {
  const values = [
    Buffer.from(position.toString()),
    Buffer.from(new Date(record.startTime).toISOString()),
    ...TEXT_COLUMNS.map((column) => tsvText(record.text[column] ?? null)),
    ...NUMBER_COLUMNS.map((column) => tsvNumber(record.numbers[column] ?? null)),
  ];
  const tab = Buffer.from('\t');
  return Buffer.concat([
    ...values.flatMap((value, index) => (index === 0 ? [value] : [tab, value])),
    Buffer.from('\n'),
  ]);
}

function tsvText(value: Buffer | null): Buffer {
  if (value === null) return Buffer.from('\\N');
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };
  return Buffer.from(
    value.toString('latin1').replaceAll(/[\\\n\t\r]/g, (character) => escapes[character] ?? ''),
    'latin1',
  );
}

function tsvNumber(value: bigint | number | null): Buffer {
  return Buffer.from(value === null ? '\\N' : Object.is(value, -0) ? '-0' : value.toString());
}

/** A record with nothing in it but what is given. */
function record(
  text: Record<string, string | Buffer>,
  numbers: ReferenceRecord['numbers'] = {},
): ReferenceRecord {
  const bytes = Object.entries(text).map(([column, value]): [string, Buffer] => [column, Buffer.from(value)]);
  return {
    text: { bucketName: Buffer.of(), req_id: Buffer.of(), ...Object.fromEntries(bytes) },
    numbers,
    startTime: Date.UTC(2025, 9, 28, 14, 30, 45, 999),
  };
}

async function lineOf(...given: Parameters<typeof record>): Promise<string> {
  await insertRecords([record(...given)]);
  return (await deliveredLines()).join('\n');
}

function captured(line: string): (string | undefined)[] {
  return awsLogLinePattern.exec(line)?.slice(1) ?? [];
}

/** Of two decimals that are equally short and give back the same Float32, either will do. */
function agree(expected: string, found: string | undefined): boolean {
  if (found === expected) return true;
  return (
    found?.length === expected.length &&
    [found, expected].every((text) => /^-?\d+\.\d+$/.test(text)) &&
    Math.fround(Number(found)) === Math.fround(Number(expected))
  );
}

describe('log lines', () => {
  test(`of ${RECORDS} hostile records parse by AWS's pattern, each field holding what it should`, async () => {
    const records = fc.sample(hostileRecord(TEXT_COLUMNS), { seed: 20251028, numRuns: RECORDS });
    await insertRecords(records);

    const lines = await deliveredLines({ session_timezone: 'Asia/Kathmandu' });

    expect(lines).toHaveLength(RECORDS);
    const wrong = records.flatMap((given, index) => {
      const expected = expectedFields(given);
      const fields = captured(lines[index] ?? '');
      const differ = expected.findIndex((field, at) => !agree(field, fields[at]));
      return differ === -1 ? [] : [{ field: differ + 1, expected: expected[differ], found: fields[differ] }];
    });
    expect(wrong).toEqual([]);
  });

  test('of the largest keys are whole', async () => {
    const line = await lineOf({ objectKey: '€ "'.repeat(1600), requestURI: `GET /${'\n'.repeat(8000)}` });
    expect(captured(line)[7]).toBe('%E2%82%AC%20%22'.repeat(1600));
    expect(captured(line)[8]).toBe(`"GET /${'%0A'.repeat(8000)}"`);
  });

  test('of records without values consist of dashes', async () => {
    const line = '- - [28/Oct/2025:14:30:45 +0000] - - - - - "-" - - - - - - "-" "-" - - - - - - - - -';
    expect(await lineOf({})).toBe(line);
    await send('TRUNCATE TABLE logs.logs');
    expect(await lineOf(Object.fromEntries(TEXT_COLUMNS.map((column) => [column, ''])))).toBe(line);
  });

  test('never end in a backslash before a closing quote, which many parsers take as an escape', async () => {
    const line = await lineOf({ requestURI: 'GET /\\a\\', referer: '\\', userAgent: 'a\\\\' });
    expect(captured(line).slice(8, 17)).toEqual([
      ...['"GET /\\a%5C"', '-', '-', '-', '-', '-', '-'],
      ...['"%5C"', '"a\\%5C"'],
    ]);
  });

  test('hold no line separator of any kind', async () => {
    const separators = '\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029';
    const line = await lineOf(Object.fromEntries(TEXT_COLUMNS.map((column) => [column, separators])));
    expect(line).not.toMatch(/[\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029]/);
  });

  test('are UTF-8 whatever bytes the client sent, and keep the text that is', async () => {
    const line = await lineOf({
      userAgent: Buffer.concat([Buffer.from('é'), Buffer.of(0xff), Buffer.from('日'), Buffer.of(0xc3)]),
      referer: '日本😀',
    });
    expect(captured(line).slice(15, 17)).toEqual(['"日本😀"', '"é%FF日%C3"']);
  });
});

describe('times in ms', () => {
  test.each([
    [45.5, '45.5'],
    [0, '0'],
    [-0, '0'],
    [1e-7, '0.0000001'],
    [1e20, '100000000000000000000'],
    [3.4028234663852886e38, '340282350000000000000000000000000000000'],
    [1.401298464324817e-45, `0.${'0'.repeat(44)}1`],
    [-2.5, '-2.5'],
    [-1e-9, '-0.000000001'],
    [Number.NaN, '-'],
    [Number.POSITIVE_INFINITY, '-'],
    [Number.NEGATIVE_INFINITY, '-'],
  ])('of %p are written as %s', async (value, expected) => {
    expect(captured(await lineOf({}, { totalTime: value }))[13]).toBe(expected);
    expect(millisecondsField(Math.fround(value))).toBe(expected);
  });
});

describe('a line by AWS', () => {
  test.each([...awsLogLines, ...awsOldLogLines])(
    'comes back after an import, but for the fields without a column (%#)',
    async (line) => {
      const parsed = parseLogLine(line);
      if (!parsed.ok) throw new Error(parsed.message);
      await send('INSERT INTO logs.logs FORMAT JSONEachRow', Buffer.from(JSON.stringify(parsed.columns)));

      const groups = captured(line);
      const later = (line.split('" ').at(-1) ?? '').split(' ');
      const expected = [
        ...groups.slice(0, 18),
        ...Array.from({ length: 8 }, (_, index) => later[index + 1] ?? '-'),
      ].map((field, index) => ([18, 24].includes(index) ? '-' : field));
      expect(captured((await deliveredLines()).join('\n'))).toEqual(expected);
    },
  );
});
