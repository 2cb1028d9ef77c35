import { S3Error } from './errors.js';

/** Bytes of an object, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The part of an object that a Range header asks for (RFC 9110, section 14). A header that is not understood, several
 * ranges for one, asks for the whole, as on S3.
 *
 * @param size of the object in bytes
 * @returns undefined for the whole object
 * @throws S3Error InvalidRange when none of the bytes exist
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last) throw new S3Error('InvalidRange', `The object has ${size} bytes, and none of those.`);
  return { first, last };
}
