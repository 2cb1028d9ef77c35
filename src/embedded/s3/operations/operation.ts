import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { ByteRange } from '../http/range.js';
import { S3Error } from '../http/errors.js';
import type { Conditions } from '../store/conditions.js';
import type { Layout } from '../store/layout.js';
import type { ObjectStore, OpenObject } from '../store/object-store.js';
import type { Uploads } from '../store/uploads.js';

/** What operations work on. */
export interface Stores {
  readonly layout: Layout;
  readonly objects: ObjectStore;
  readonly uploads: Uploads;
}

/** A request that has been authenticated; the body has not been read. */
export interface S3Request {
  readonly http: IncomingMessage;
  /** Empty for the service. */
  readonly bucket: string;
  /** Empty for the service and for buckets. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** What is sent back. */
export interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  /** A document as the body. */
  readonly xml?: string;
  /** An object as the body; the server closes it. */
  readonly content?: OpenObject & { readonly range: ByteRange };
}

/** What a request names. */
export type Level = 'service' | 'bucket' | 'object';

/** An operation of S3's API. */
export interface Operation {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly level: Level;
  /** Query parameters whose presence tells this operation from others of the same method. */
  readonly marks: readonly string[];
  /** Further query parameters that are understood. Any other is refused, not ignored. */
  readonly parameters?: readonly string[];
  readonly answer: (request: S3Request, stores: Stores) => Promise<Answer>;
}

/** A header that is sent once; several of a name are joined. */
export function header(request: S3Request, name: string): string | undefined {
  const value = request.http.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** The conditional headers of a request. */
export function conditionsOf(request: S3Request): Conditions {
  return { ifMatch: header(request, 'if-match'), ifNoneMatch: header(request, 'if-none-match') };
}

/**
 * A query parameter that is a whole number.
 *
 * @throws S3Error InvalidArgument when it is none, or not within the limits
 */
export function numberParameter(
  request: S3Request,
  name: string,
  { least, most, missing }: { readonly least: number; readonly most: number; readonly missing?: number },
): number {
  const text = request.query.get(name);
  const value = text === undefined ? (missing ?? NaN) : /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw new S3Error('InvalidArgument', `${name} is a number from ${least} to ${most}.`);
  return value;
}

/** Most entries of a page; more may be asked for, and are not given. */
export const PAGE = { least: 0, most: 2 ** 31 - 1, missing: 1000 } as const;

/** Entries of a page that a client asks for. */
export function pageSize(request: S3Request, name: string): number {
  return Math.min(numberParameter(request, name, PAGE), PAGE.missing);
}
