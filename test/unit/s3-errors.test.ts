import { describe, expect, test } from '@jest/globals';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { adviceFor, answersAtAll, classifyS3Error, isBucketName } from '../../src/destinations/s3/errors.js';

function answer(name: string, httpStatusCode: number, message = 'what S3 says'): S3ServiceException {
  return new S3ServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode } });
}

function network(code: string): Error {
  return Object.assign(new Error(`connect ${code} 192.0.2.1:443`), { code });
}

describe('an error is permanent', () => {
  test.each([
    ['NoSuchBucket', 404],
    ['AccessDenied', 403],
    ['InvalidAccessKeyId', 403],
    ['SignatureDoesNotMatch', 403],
    ['AllAccessDisabled', 403],
    ['AccountProblem', 403],
    ['InvalidBucketName', 400],
    ['KeyTooLongError', 400],
  ])('when S3 answers %s', (code, status) => {
    expect(classifyS3Error(answer(code, status))).toEqual({
      code,
      permanent: true,
      message: `${code} (HTTP ${String(status)}): what S3 says`,
    });
    expect(adviceFor(code)).not.toBe('');
  });
});

describe('an error may pass', () => {
  test.each([
    ['SlowDown', answer('SlowDown', 503)],
    ['InternalError', answer('InternalError', 500)],
    ['ServiceUnavailable', answer('ServiceUnavailable', 503)],
    ['RequestTimeout', answer('RequestTimeout', 400)],
    ['RequestTimeTooSkewed', answer('RequestTimeTooSkewed', 403)],
    ['NoSuchUpload', answer('NoSuchUpload', 404)],
    ['UnknownError', answer('UnknownError', 502)],
    ['ECONNREFUSED', network('ECONNREFUSED')],
    ['ECONNRESET', network('ECONNRESET')],
    ['ENOTFOUND', network('ENOTFOUND')],
    ['TimeoutError', Object.assign(new Error('timed out'), { name: 'TimeoutError' })],
    ['AbortError', Object.assign(new Error('aborted'), { name: 'AbortError' })],
    ['Unknown', 'not even an error'],
    ['Unknown', undefined],
  ])('when it is %s', (code, error) => {
    expect(classifyS3Error(error)).toMatchObject({ code, permanent: false });
    expect(classifyS3Error(error).message).toContain(code);
  });

  test('and an error without a message is named by its code', () => {
    expect(classifyS3Error(answer('SlowDown', 503, '')).message).toMatch(/^SlowDown \(HTTP 503\): \S/);
  });
});

test.each([
  [answer('AccessDenied', 403), true],
  [answer('NoSuchBucket', 404), true],
  [answer('InternalError', 500), false],
  [answer('SlowDown', 503), false],
  [network('ECONNREFUSED'), false],
  ['text', false],
])('that S3 can be reached: %s proves it: %s', (error, proven) => {
  expect(answersAtAll(error)).toBe(proven);
});

describe('a bucket name', () => {
  test.each(['abc', 'my-logs', 'my.logs.2026', '0-9', 'a'.repeat(63), 'xn--1', '1.2.3.4a'])(
    'can be %s',
    (name) => {
      expect(isBucketName(name)).toBe(true);
    },
  );

  test.each([
    '',
    'ab',
    'a'.repeat(64),
    'My-Logs',
    'my_logs',
    '-logs',
    'logs-',
    '.logs',
    'logs.',
    'my..logs',
    '192.168.5.4',
    'my logs',
    'my/logs',
    'logs\n',
    'lögs',
    '../other',
  ])('cannot be %j', (name) => {
    expect(isBucketName(name)).toBe(false);
  });
});
