import { createHash, createHmac } from 'node:crypto';
import { encodePath, encodeUri } from './target.js';

/** The only algorithm of signatures that is understood. */
export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** What a signature covers (AWS Signature Version 4 for S3, "Create a canonical request"). */
export interface SignedRequest {
  readonly method: string;
  /** Percent-encoded, as it was sent. */
  readonly rawPath: string;
  /** Decoded, without the signature itself. */
  readonly query: ReadonlyMap<string, string>;
  /** Names in lower case, in the order of SignedHeaders, with all values of each. */
  readonly headers: readonly (readonly [name: string, values: readonly string[]])[];
  /** `x-amz-content-sha256`, or what stands in its place. */
  readonly payloadHash: string;
}

/** When, where and for which service a signature is good. */
export interface Scope {
  /** Day, as YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** The text whose hash is signed. */
export function canonicalRequest(request: SignedRequest): string {
  return [
    request.method,
    encodePath(decodeURIComponent(request.rawPath)),
    canonicalQuery(request.query),
    ...request.headers.map(([name, values]) => `${name}:${values.map(trimmed).join(',')}`),
    '',
    request.headers.map(([name]) => name).join(';'),
    request.payloadHash,
  ].join('\n');
}

function canonicalQuery(query: ReadonlyMap<string, string>): string {
  return [...query]
    .map(([name, value]): [string, string] => [encodeUri(name), encodeUri(value)])
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function trimmed(value: string): string {
  return value.trim().replace(/ {2,}/g, ' ');
}

/**
 * The signature of a request, in hex.
 *
 * @param secret the secret access key
 * @param time `x-amz-date`: YYYYMMDDTHHMMSSZ
 */
export function signatureOf(request: SignedRequest, secret: string, scope: Scope, time: string): string {
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const hash = createHash('sha256').update(canonicalRequest(request)).digest('hex');
  const textToSign = `${ALGORITHM}\n${time}\n${scopeText}\n${hash}`;
  const key = [scope.date, scope.region, scope.service, 'aws4_request'].reduce<string | Buffer>(
    (previous, part) => hmac(previous, part),
    `AWS4${secret}`,
  );
  return hmac(key, textToSign).toString('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
