import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Error } from './errors.js';
import { ALGORITHM, signatureOf, type Scope, type SignedRequest } from './signature.js';
import type { Target } from './target.js';

/** The one pair of keys that a server knows. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a request says about its signature, be it in a header or in the URL. */
interface Claim {
  readonly accessKeyId: string;
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** YYYYMMDDTHHMMSSZ */
  readonly time: string;
  readonly payloadHash: string;
}

const SIGNATURE_PARAMETER = 'X-Amz-Signature';
const LONGEST_EXPIRY_SECONDS = 7 * 24 * 3600;

/**
 * Checks who sent a request, by its AWS Signature Version 4. The time of a signature in a header is not compared with
 * the clock; a presigned URL is refused when it has expired.
 *
 * @throws S3Error AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, or one of a malformed signature
 */
export function authenticate(request: IncomingMessage, target: Target, credentials: Credentials): void {
  const claim = target.query.has(SIGNATURE_PARAMETER)
    ? claimOfUrl(target.query, new Date())
    : claimOfHeaders(request);
  if (claim.accessKeyId !== credentials.accessKeyId)
    throw new S3Error('InvalidAccessKeyId', `There is no access key ${claim.accessKeyId}.`);
  const expected = signatureOf(
    signedRequest(request, target, claim),
    credentials.secretAccessKey,
    claim.scope,
    claim.time,
  );
  if (!isSame(expected, claim.signature)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The signature that was sent is not that of this request. Check the secret access key.',
    );
  }
}

function signedRequest(request: IncomingMessage, target: Target, claim: Claim): SignedRequest {
  return {
    method: request.method ?? '',
    rawPath: target.rawPath,
    query: new Map([...target.query].filter(([name]) => name !== SIGNATURE_PARAMETER)),
    headers: claim.signedHeaders.map((name) => [name, request.headersDistinct[name] ?? []] as const),
    payloadHash: claim.payloadHash,
  };
}

function claimOfHeaders({ headers }: IncomingMessage): Claim {
  const { authorization } = headers;
  if (authorization === undefined) throw new S3Error('AccessDenied', 'The request is not signed.');
  if (!authorization.startsWith(`${ALGORITHM} `))
    throw new S3Error('InvalidRequest', `Requests are signed with ${ALGORITHM}.`);
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((field): [string, string] => {
        const [name = '', ...value] = field.trim().split('=');
        return [name, value.join('=')];
      }),
  );
  const field = (name: string): string =>
    given(fields.get(name), 'AuthorizationHeaderMalformed', `The Authorization header has no ${name}.`);
  const time = headers['x-amz-date'];
  const payloadHash = headers['x-amz-content-sha256'];
  return {
    ...credentialOf(field('Credential'), 'AuthorizationHeaderMalformed'),
    signedHeaders: field('SignedHeaders').split(';'),
    signature: field('Signature'),
    time: given(oneOf(time), 'AccessDenied', 'The request has no x-amz-date.'),
    payloadHash: given(oneOf(payloadHash), 'InvalidRequest', 'The request has no x-amz-content-sha256.'),
  };
}

function claimOfUrl(query: ReadonlyMap<string, string>, now: Date): Claim {
  const code = 'AuthorizationQueryParametersError';
  const field = (name: string): string => given(query.get(name), code, `The URL has no ${name}.`);
  if (field('X-Amz-Algorithm') !== ALGORITHM) throw new S3Error(code, `URLs are signed with ${ALGORITHM}.`);
  const time = field('X-Amz-Date');
  const expires = Number(field('X-Amz-Expires'));
  if (!(expires >= 1 && expires <= LONGEST_EXPIRY_SECONDS))
    throw new S3Error(code, `X-Amz-Expires is a number of seconds up to ${LONGEST_EXPIRY_SECONDS}.`);
  const signedAt = Date.parse(
    time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (Number.isNaN(signedAt)) throw new S3Error(code, 'X-Amz-Date is of the form YYYYMMDDTHHMMSSZ.');
  if (now.getTime() > signedAt + expires * 1000) throw new S3Error('AccessDenied', 'The URL has expired.');
  return {
    ...credentialOf(field('X-Amz-Credential'), code),
    signedHeaders: field('X-Amz-SignedHeaders').split(';'),
    signature: field(SIGNATURE_PARAMETER),
    time,
    payloadHash: 'UNSIGNED-PAYLOAD',
  };
}

function credentialOf(
  credential: string,
  code: 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError',
): Pick<Claim, 'accessKeyId' | 'scope'> {
  const [accessKeyId = '', date = '', region = '', service, end, ...rest] = credential.split('/');
  if (service !== 's3' || end !== 'aws4_request' || rest.length > 0)
    throw new S3Error(code, 'A credential is of the form key/date/region/s3/aws4_request.');
  return { accessKeyId, scope: { date, region, service } };
}

function given(
  value: string | undefined,
  code: ConstructorParameters<typeof S3Error>[0],
  message: string,
): string {
  if (value === undefined) throw new S3Error(code, message);
  return value;
}

function oneOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
