import { createHash } from 'node:crypto';
import { S3Error } from '../http/errors.js';
import { unquoted } from './conditions.js';
import type { Part } from './upload.js';

/** A part that a client wants in the object. */
export interface WantedPart {
  readonly number: number;
  /** With or without quotes. */
  readonly etag: string;
  /** In Base64. */
  readonly sha256: string | undefined;
}

/**
 * The parts of which an object is made.
 *
 * @param wanted what the client listed
 * @param parts what was uploaded
 * @param minBytes of every part but the last
 * @throws S3Error InvalidPartOrder, InvalidPart, EntityTooSmall, MalformedXML
 */
export function chosenParts(
  wanted: readonly WantedPart[],
  parts: ReadonlyMap<number, Part>,
  minBytes: number,
): readonly Part[] {
  if (wanted.length === 0) throw new S3Error('MalformedXML', 'An object is made of one part at least.');
  if (wanted.some(({ number }, index) => number <= (wanted[index - 1]?.number ?? 0)))
    throw new S3Error('InvalidPartOrder', 'The parts are not in ascending order.');
  const chosen = wanted.map((one) => chosenPart(one, parts));
  const small = chosen.slice(0, -1).find(({ bytes }) => bytes < minBytes);
  if (small !== undefined)
    throw new S3Error('EntityTooSmall', `Part ${small.number} has fewer than ${minBytes} bytes.`);
  return chosen;
}

function chosenPart({ number, etag, sha256 }: WantedPart, parts: ReadonlyMap<number, Part>): Part {
  const part = parts.get(number);
  const isSame = part?.md5 === unquoted(etag) && (sha256 === undefined || part.sha256 === sha256);
  if (part === undefined || !isSame)
    throw new S3Error('InvalidPart', `Part ${number} was not uploaded, or is another one.`);
  return part;
}

/** The ETag of an object made of parts: the MD5 of their MD5s, and their number. */
export function compositeEtag(parts: readonly Part[]): string {
  const md5 = createHash('md5');
  for (const part of parts) md5.update(part.md5, 'hex');
  return `${md5.digest('hex')}-${parts.length}`;
}

/** The same of SHA-256, in Base64; null when it is not known of every part. */
export function compositeSha256(parts: readonly Part[]): string | null {
  const sha256 = createHash('sha256');
  for (const part of parts) {
    if (part.sha256 === null) return null;
    sha256.update(part.sha256, 'base64');
  }
  return `${sha256.digest('base64')}-${parts.length}`;
}
