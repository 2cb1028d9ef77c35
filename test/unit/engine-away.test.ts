import { S3ServiceException } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import {
  ClickHouseQueryError,
  ClickHouseTruncatedError,
  ClickHouseUnreachableError,
} from '../../src/clickhouse/errors.js';
import { isS3Unreachable } from '../../src/destinations/s3/errors.js';
import { DeliveryError, engineAwayOf, type TargetFailure } from '../../src/pipelines/errors.js';

const network = (code: string): Error => Object.assign(new Error('no'), { code });
const reset = network('ECONNRESET');
const answered = (status: number, name: string): Error =>
  new S3ServiceException({ name, $fault: 'server', $metadata: { httpStatusCode: status }, message: name });
const timeout = Object.assign(new Error('no connection within 10000 ms'), { name: 'TimeoutError' });
const failure = (cause: unknown, permanent = false): TargetFailure => ({
  target: 't',
  code: 'X',
  permanent,
  message: 'x',
  cause,
});

describe('S3 is unreachable', () => {
  test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE'])(
    'when the network says %s',
    (code) => {
      expect(isS3Unreachable(network(code))).toBe(true);
    },
  );

  test('when a connection did not stand in time', () => {
    expect(isS3Unreachable(timeout)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a 503 of S3', answered(503, 'SlowDown')],
    ['a 500 of S3', answered(500, 'InternalError')],
    ['a refusal of S3', answered(403, 'AccessDenied')],
    ['an error of our own', new TypeError('x')],
    ['an abort', Object.assign(new Error('aborted'), { name: 'AbortError' })],
  ])('but not after %s', (_name, error) => {
    expect(isS3Unreachable(error)).toBe(false);
  });
});

describe('an error speaks of an engine that is away', () => {
  const unreachable = new ClickHouseUnreachableError('fetch', ['http://127.0.0.1:1'], { cause: reset });

  test.each<[string, unknown, string | undefined]>([
    ['ClickHouse, which cannot be reached', unreachable, 'clickhouse'],
    [
      'ClickHouse, which broke off',
      new ClickHouseTruncatedError('fetch', '', { cause: reset }),
      'clickhouse',
    ],
    ['an answer that ends in an exception', new ClickHouseTruncatedError('fetch', 'Code: 1.'), undefined],
    ['an exception of ClickHouse', new ClickHouseQueryError('fetch', '60', { cause: reset }), undefined],
    ['S3, whose connection was reset', reset, 's3'],
    ['S3, which answers 503', answered(503, 'SlowDown'), undefined],
    ['a target of which S3 could not be reached', new DeliveryError([failure(reset)]), 's3'],
    [
      'one of several targets',
      new DeliveryError([failure(answered(404, 'NoSuchBucket'), true), failure(reset)]),
      's3',
    ],
    ['ClickHouse in the middle of a target', new DeliveryError([failure(unreachable)]), 'clickhouse'],
    ['targets that S3 refused', new DeliveryError([failure(answered(404, 'NoSuchBucket'), true)]), undefined],
    ['nothing of the kind', 'no', undefined],
  ])('%s', (_name, error, engine) => {
    expect(engineAwayOf(error)).toBe(engine);
  });
});
