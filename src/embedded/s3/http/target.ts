import { S3Error } from './errors.js';

const KEY_BYTES = 1024;

/** What a URL names. */
export interface Target {
  /** The path as it was sent. */
  readonly rawPath: string;
  /** Undefined for the service itself. */
  readonly bucket: string | undefined;
  /** Undefined for a bucket as a whole. */
  readonly key: string | undefined;
  readonly query: ReadonlyMap<string, string>;
}

/**
 * Reads the URL of a request in path style: `/bucket/key?query`. The path is taken as it stands: `..`, `.` and empty
 * segments are parts of a key like any other.
 *
 * @param url as in the request line
 * @throws S3Error when the URL names nothing that can exist
 */
export function targetOf(url: string): Target {
  if (!url.startsWith('/')) throw new S3Error('InvalidURI', 'The path of a request starts with a slash.');
  const question = url.indexOf('?');
  const rawPath = question < 0 ? url : url.slice(0, question);
  const query = queryOf(question < 0 ? '' : url.slice(question + 1));
  const slash = rawPath.indexOf('/', 1);
  const bucket = decode(rawPath.slice(1, slash < 0 ? undefined : slash));
  const key = slash < 0 ? '' : decode(rawPath.slice(slash + 1));
  checkKey(key);
  return { rawPath, bucket: bucket || undefined, key: key || undefined, query };
}

/** @throws S3Error KeyTooLongError */
export function checkKey(key: string): void {
  if (Buffer.byteLength(key) > KEY_BYTES)
    throw new S3Error('KeyTooLongError', `A key has at most ${KEY_BYTES} bytes of UTF-8.`);
}

function queryOf(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split('&').filter((one) => one !== '')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (query.has(name)) throw new S3Error('InvalidArgument', `${name} is given more than once.`);
    query.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new S3Error('InvalidURI', `${text} is not percent-encoded UTF-8.`, { cause: error });
  }
}

/** Percent-encodes all but the unreserved characters of RFC 3986, as S3 and its signatures do. */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The same for keys and paths, where slashes stay. */
export function encodePath(text: string): string {
  return text.split('/').map(encodeUri).join('/');
}
