import { S3ServiceException } from '@aws-sdk/client-s3';
import { isError } from '../../observability/is-error.js';
import { networkErrorCode } from '../../observability/network-error.js';

/**
 * Error codes after which no retry helps until somebody changes the target, its policy or the credentials.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
 */
const PERMANENT = new Set([
  'NoSuchBucket',
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'AllAccessDisabled',
  'AccountProblem',
  'InvalidBucketName',
  'KeyTooLongError',
]);

/** What went wrong at S3, in short. */
export interface S3Failure {
  /** S3's error code, or the code of the network error. */
  readonly code: string;
  /** True when no retry helps until somebody changes something. */
  readonly permanent: boolean;
  readonly message: string;
}

/** Classifies what the AWS SDK threw: a few codes are permanent, all else may pass by itself. */
export function classifyS3Error(error: unknown): S3Failure {
  const code = codeOf(error);
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const text = isError(error) && error.message !== '' ? error.message : code;
  const message = status === undefined ? `${code}: ${text}` : `${code} (HTTP ${String(status)}): ${text}`;
  return { code, permanent: PERMANENT.has(code), message };
}

function codeOf(error: unknown): string {
  if (!isError(error)) return 'Unknown';
  if (error instanceof S3ServiceException) return error.name;
  // System errors have codes such as ECONNRESET; a number would be another server's code.
  if ('code' in error && typeof error.code === 'string' && /^[A-Z]/.test(error.code)) return error.code;
  if ('Code' in error && typeof error.Code === 'string') return error.Code;
  return error.name;
}

/** What an operator can do about a permanent error. */
export function adviceFor(code: string): string {
  switch (code) {
    case 'NoSuchBucket':
      return 'create the bucket, or have the source bucket name another target; then retry';
    case 'AccessDenied':
    case 'AllAccessDisabled':
      return 'let log-courier write to the bucket; then retry';
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return 'check s3.access-key-id and s3.secret-access-key; then retry';
    case 'InvalidBucketName':
    case 'KeyTooLongError':
      return 'have the source bucket name a valid target bucket and prefix';
    default:
      return 'see what S3 answers for this bucket; then retry';
  }
}

/**
 * Tells whether a name can be a bucket's at all: 3 to 63 characters, lower-case letters, digits, dots and dashes,
 * beginning and ending with a letter or digit, not an IP address.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  );
}

/** Longest key that S3 takes, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

/**
 * Tells whether an error is an answer of S3 that is not its own failure: a refusal proves that S3 can be reached,
 * also for an account that may write objects but not list buckets.
 */
export function answersAtAll(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  const status = error.$metadata.httpStatusCode;
  return status !== undefined && status < 500;
}

/**
 * Tells whether S3 could not be reached, or the connection to it broke: nothing is known to be wrong with the request.
 * Whatever S3 answers, a 503 too, is an answer.
 */
export function isS3Unreachable(error: unknown): boolean {
  if (!isError(error) || error instanceof S3ServiceException) return false;
  // TimeoutError is the SDK's name for a connection that did not stand in time.
  return networkErrorCode(error) !== undefined || error.name === 'TimeoutError';
}
