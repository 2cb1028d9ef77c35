import { S3Error } from '../http/errors.js';

/** On what a client makes a write or a read depend; the values of the headers of these names. */
export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** No conditions. */
export const UNCONDITIONAL: Conditions = { ifMatch: undefined, ifNoneMatch: undefined };

/**
 * Refuses a write whose conditions do not hold (Amazon S3 User Guide, "How to prevent object overwrites with
 * conditional writes").
 *
 * @param etag of the object that is there, without quotes; undefined when there is none
 * @throws S3Error PreconditionFailed, NoSuchKey, or NotImplemented for values that S3 does not know either
 */
export function checkWrite(conditions: Conditions, etag: string | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw new S3Error('NotImplemented', 'If-None-Match of a write is *.');
  if (ifMatch === '*') throw new S3Error('NotImplemented', 'If-Match of a write is an ETag.');
  if (ifNoneMatch !== undefined && etag !== undefined)
    throw new S3Error('PreconditionFailed', 'If-None-Match: there is an object of this key.');
  if (ifMatch === undefined) return;
  if (etag === undefined) throw new S3Error('NoSuchKey', 'If-Match: there is no object of this key.');
  if (!names(ifMatch, etag)) throw new S3Error('PreconditionFailed', `If-Match: the ETag is "${etag}".`);
}

/** Refuses a read whose conditions do not hold (RFC 9110, section 13). @throws S3Error */
export function checkRead(conditions: Conditions, etag: string): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch !== undefined && !names(ifMatch, etag))
    throw new S3Error('PreconditionFailed', `If-Match: the ETag is "${etag}".`);
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag))
    throw new S3Error('NotModified', `If-None-Match: the ETag is "${etag}".`);
}

function names(header: string, etag: string): boolean {
  return header.split(',').some((one) => one.trim() === '*' || unquoted(one) === etag);
}

/** An ETag as it stands in a header or a document, without its quotes. */
export function unquoted(etag: string): string {
  return etag.trim().replace(/^"(.*)"$/, '$1');
}
