import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLogLine, type LogLineColumns } from '../../src/pipelines/access-logs/log-line-parser.js';
import { awsLogLines, awsOldLogLines } from '../support/aws-log-lines.js';

function columnsOf(line: string): LogLineColumns {
  const parsed = parseLogLine(line);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.columns;
}

function messageOf(line: string): string {
  const parsed = parseLogLine(line);
  return parsed.ok ? 'the line was read' : parsed.message;
}

/** A line with 26 fields, some of them replaced. */
function lineWith(replaced: Readonly<Record<number, string>> = {}): string {
  const fields = [
    ...['owner', 'bucket', '[28/Oct/2025:14:30:45 +0000]', '192.0.2.3', 'requester', 'ID', 'REST.GET.OBJECT'],
    ...['key', '"GET /bucket/key HTTP/1.1"', '200', '-', '113', '2048', '7', '4', '"-"', '"curl/8"', '-'],
    ...['-', 'SigV4', 'ECDHE', 'AuthHeader', 'bucket.s3.example.com', 'TLSv1.2', '-', 'Yes'],
  ];
  return fields.map((field, index) => replaced[index + 1] ?? field).join(' ');
}

describe('a log line', () => {
  test('by AWS gives the values of all columns', () => {
    expect(columnsOf(awsLogLines[4])).toEqual({
      bucketOwner: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be',
      bucketName: 'amzn-s3-demo-bucket1',
      startTime: '2019-02-06 00:01:57.000',
      clientIP: '192.0.2.3',
      requester: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be',
      req_id: 'DD6CC733AEXAMPLE',
      operation: 'REST.PUT.OBJECT',
      objectKey: 's3-dg.pdf',
      requestURI: 'PUT /amzn-s3-demo-bucket1/s3-dg.pdf HTTP/1.1',
      httpCode: 200,
      errorCode: null,
      bytesSent: null,
      objectSize: '4406583',
      totalTime: 41754,
      turnAroundTime: 28,
      referer: null,
      userAgent: 'S3Console/0.4',
      versionId: null,
      signatureVersion: 'SigV4',
      cipherSuite: 'ECDHE-RSA-AES128-SHA',
      authenticationType: 'AuthHeader',
      hostHeader: 'amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com',
      tlsVersion: 'TLSV1.2',
      aclRequired: 'Yes',
    });
  });

  test.each(awsOldLogLines)('of earlier years, with fewer fields, is read: %s', (line) => {
    const columns = columnsOf(line);
    expect(columns).toMatchObject({ objectKey: 's3-dg.pdf', objectSize: '4406583', versionId: null });
    expect(columns).not.toHaveProperty('aclRequired');
  });

  test('may have more fields at its end, spaces behind it, and any line ending', () => {
    const columns = columnsOf(lineWith());
    expect(columnsOf(`${lineWith()} us-east-1 "what comes next"`)).toEqual(columns);
    expect(columnsOf(`${lineWith()} \r\n`)).toEqual(columns);
  });

  test('with nothing but dashes gives NULLs, and "" for the columns that cannot hold one', () => {
    const dashes = Object.fromEntries(Array.from({ length: 26 }, (_, index) => [index + 1, '-']));
    const columns = columnsOf(
      lineWith({ ...dashes, 3: '[28/Oct/2025:14:30:45 +0000]', 9: '"-"', 17: '"-"' }),
    );
    const { startTime, bucketName, req_id, ...others } = columns;
    expect({ startTime, bucketName, req_id }).toEqual({
      startTime: '2025-10-28 14:30:45.000',
      bucketName: '',
      req_id: '',
    });
    expect(new Set(Object.values(others))).toEqual(new Set([null]));
  });

  test('may have its quoted fields without quotes, or a Referer with spaces, as AWS writes at times', () => {
    expect(columnsOf(lineWith({ 9: '-', 16: '-', 17: '-' }))).toMatchObject({
      requestURI: null,
      referer: null,
      userAgent: null,
    });
    expect(columnsOf(lineWith({ 16: '"http://a b/"' }))).toMatchObject({ referer: 'http://a b/' });
    expect(columnsOf(lineWith({ 16: 'http://a/' }))).toMatchObject({ referer: 'http://a/' });
  });
});

describe('values', () => {
  test.each([
    ['28/Oct/2025:14:30:45 +0000', '2025-10-28 14:30:45.000'],
    ['01/Jan/2025:00:30:00 +0100', '2024-12-31 23:30:00.000'],
    ['31/Dec/2024:23:30:00 -0530', '2025-01-01 05:00:00.000'],
    ['29/Feb/2024:00:00:00 +0000', '2024-02-29 00:00:00.000'],
  ])('the time %s is %s in UTC', (time, expected) => {
    expect(columnsOf(lineWith({ 3: `[${time}]` })).startTime).toBe(expected);
  });

  test.each([
    ['photos/2025/a%20b.jpg', 'photos/2025/a b.jpg'],
    ['a%252Fb', 'a%2Fb'],
    ['a+b', 'a+b'],
    ['%C3%BC%F0%9F%98%80', 'ü😀'],
    ['100%', '100%'],
    ['%zz%2', '%zz%2'],
    ['%EF%BB%BFx', '\uFEFFx'],
  ])('the key %s is decoded once, to %s', (key, expected) => {
    expect(columnsOf(lineWith({ 8: key })).objectKey).toBe(expected);
  });

  test('any key survives being encoded and read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
        fc.pre(key !== '-');
        expect(columnsOf(lineWith({ 8: encodeURIComponent(key) })).objectKey).toBe(key);
      }),
    );
  });

  test('quoted and other fields are taken as they stand', () => {
    expect(columnsOf(lineWith({ 5: 'a%20b', 16: '"x%20y"', 17: '"say %22hi%22 \\ é"' }))).toMatchObject({
      requester: 'a%20b',
      referer: 'x%20y',
      userAgent: 'say %22hi%22 \\ é',
    });
  });

  test('whole numbers keep all their digits', () => {
    expect(columnsOf(lineWith({ 12: '18446744073709551615', 13: '0', 10: '65535' }))).toMatchObject({
      bytesSent: '18446744073709551615',
      objectSize: '0',
      httpCode: 65535,
    });
  });

  test('times in ms may be decimals', () => {
    expect(columnsOf(lineWith({ 14: '45.5', 15: '0' }))).toMatchObject({
      totalTime: 45.5,
      turnAroundTime: 0,
    });
  });
});

describe('a line that cannot be read', () => {
  test.each([
    ['', 'field 2 (Bucket): the line ends before it'],
    ['owner bucket 28/Oct/2025', 'field 3 (Time): cannot be read: "28/Oct/2025"'],
    [lineWith().replace(/ - .*/, ''), 'field 11 (Error Code): the line ends before it'],
    [
      lineWith({ 3: '[31/Feb/2025:00:00:00 +0000]' }),
      'field 3 (Time): is no time such as [28/Oct/2025:14:30:45 +0000]: "[31/Feb/2025:00:00:00 +0000]"',
    ],
    [
      lineWith({ 3: '[01/Foo/2025:00:00:00 +0000]' }),
      'field 3 (Time): is no time such as [28/Oct/2025:14:30:45 +0000]: "[01/Foo/2025:00:00:00 +0000]"',
    ],
    [lineWith({ 8: '%FF' }), 'field 8 (Key): is not the URL-encoding of UTF-8 text: "%FF"'],
    [lineWith({ 10: '65536' }), 'field 10 (HTTP status): is no whole number from 0 to 65535: "65536"'],
    [lineWith({ 10: 'OK' }), 'field 10 (HTTP status): is no whole number from 0 to 65535: "OK"'],
    [
      lineWith({ 12: '18446744073709551616' }),
      'field 12 (Bytes Sent): is no whole number from 0 to 18446744073709551615: "18446744073709551616"',
    ],
    [
      lineWith({ 13: '-1' }),
      'field 13 (Object Size): is no whole number from 0 to 18446744073709551615: "-1"',
    ],
    [
      lineWith({ 14: '1e9' }),
      'field 14 (Total Time): is no decimal number such as 45.5 that a Float32 can hold: "1e9"',
    ],
  ])('is answered with the field and what is wrong (%#)', (line, message) => {
    expect(messageOf(line)).toBe(message);
  });

  test('shows no more than the beginning of what is wrong', () => {
    expect(messageOf(lineWith({ 10: 'x'.repeat(10_000) })).length).toBeLessThan(200);
  });

  test('is never thrown', () => {
    const hostile = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(
        fc.oneof(
          hostile,
          hostile.map((text) => lineWith({ 9: text })),
        ),
        (line) => {
          expect(typeof parseLogLine(line).ok).toBe('boolean');
        },
      ),
    );
  });
});
