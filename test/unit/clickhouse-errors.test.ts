import { describe, expect, test } from '@jest/globals';
import { ClickHouseError } from '@clickhouse/client';
import {
  ClickHouseQueryError,
  ClickHouseTruncatedError,
  ClickHouseUnreachableError,
  isConnectionError,
  wrapClickHouseError,
} from '../../src/clickhouse/errors.js';

const withCode = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });
const hosts = ['http://a:8123', 'http://b:8123'];

describe('the next host is tried after', () => {
  test.each([
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH'].map(
      withCode,
    ),
    new Error('Timeout error.'),
    new Error('socket hang up'),
  ])('%s', (error) => {
    expect(isConnectionError(error)).toBe(true);
    expect(wrapClickHouseError('look', hosts, error)).toBeInstanceOf(ClickHouseUnreachableError);
  });
});

describe('no other host is tried after', () => {
  const refused = new ClickHouseError({ code: '60', type: 'UNKNOWN_TABLE', message: 'Unknown table' });
  test.each([
    refused,
    new TypeError('a mistake of ours'),
    Object.assign(new Error('socket hang up'), { name: 'AbortError' }),
    'text',
    undefined,
  ])('%s', (error) => {
    expect(isConnectionError(error)).toBe(false);
  });

  test('an exception of ClickHouse keeps its code and its text', () => {
    const wrapped = wrapClickHouseError('find ready buckets', hosts, refused);
    expect(wrapped).toBeInstanceOf(ClickHouseQueryError);
    expect(wrapped).toMatchObject({
      code: '60',
      cause: refused,
      message: 'find ready buckets: ClickHouse answered with code 60: Unknown table',
    });
  });

  test('what is no failure of ClickHouse passes through unchanged', () => {
    const error = new TypeError('a mistake of ours');
    expect(wrapClickHouseError('look', hosts, error)).toBe(error);
  });
});

test('an error of the connection says what was done, where, and what to check', () => {
  const error = new ClickHouseUnreachableError('commit offsets', hosts, { cause: withCode('ECONNREFUSED') });
  expect(error.message).toBe(
    'commit offsets: no answer from ClickHouse at http://a:8123, http://b:8123 (connect ECONNREFUSED); ' +
      'check clickhouse.url and that the server is up',
  );
});

describe('an answer that is not whole', () => {
  const text = 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)';

  test.each([
    ['at its end', `a line\n${text}\n`],
    ['between tags', `a line\r\n__exception__\r\nabcd1234\r\n${text}\n74 abcd1234\r\n__exception__\r\n`],
  ])('carries the text of the exception %s', (_, tail) => {
    expect(new ClickHouseTruncatedError('fetch', tail).message).toBe(
      `fetch: the answer of ClickHouse is not whole: ${text}`,
    );
  });

  test('is told without one, too', () => {
    expect(new ClickHouseTruncatedError('fetch', 'half a li').message).toBe(
      'fetch: the answer of ClickHouse is not whole',
    );
  });
});
