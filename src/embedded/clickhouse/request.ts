import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { BAD_ARGUMENTS, ownError, QUERY_IS_TOO_LARGE } from './errors.js';
import { isIdentifier, lengthBeforeData, takesData, type Statement } from './statement.js';

/** Longest text of a query; the data of an INSERT do not count. */
const QUERY_BYTES = 16 * 1024 * 1024;
const PARAMETER = 'param_';

/** URL parameters of the HTTP interface that are neither settings nor query parameters. */
const NOT_SETTINGS = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'compress',
  'decompress',
  'stacktrace',
  'role',
  'buffer_size',
  'wait_end_of_query',
  'client_protocol_version',
]);

interface Query {
  readonly sql: string;
  readonly dataFile: string | undefined;
}

/** One request, read to its end. */
export interface QueryRequest {
  readonly statement: Statement;
  readonly queryId: string;
  /** The client wants errors as errors: nothing is sent before the query has ended. */
  readonly waitEndOfQuery: boolean;
  /** The answer may be compressed with gzip. */
  readonly gzip: boolean;
  /** Removes what the body left on disk. */
  readonly dispose: () => Promise<void>;
}

/**
 * Reads a request as ClickHouse's HTTP interface does: `query` in the URL and the body make the query
 * together; what follows `INSERT … FORMAT name` are data, of any size and in any format.
 *
 * @param request its URL, headers and body
 * @param directory where data are put for as long as the query runs
 * @throws QueryError when the request cannot be understood
 */
export async function readRequest(request: IncomingMessage, directory: string): Promise<QueryRequest> {
  const url = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const settings = namedValues(url, (name) =>
    NOT_SETTINGS.has(name) || name.startsWith(PARAMETER) ? undefined : name,
  );
  const parameters = namedValues(url, (name) =>
    name.startsWith(PARAMETER) ? name.slice(PARAMETER.length) : undefined,
  );
  const { sql, dataFile } = await readQuery(url.get('query') ?? '', decompressed(request), directory);
  if (sql.trim() === '') throw ownError(62, 'SYNTAX_ERROR', 'Empty query.');
  return {
    statement: {
      sql,
      dataFile,
      defaultFormat: url.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated',
      database: url.get('database') ?? header(request, 'x-clickhouse-database') ?? '',
      settings,
      parameters,
    },
    queryId: url.get('query_id') ?? randomUUID(),
    waitEndOfQuery: isTrue(url.get('wait_end_of_query')),
    gzip:
      isTrue(url.get('enable_http_compression')) && /\bgzip\b/.test(header(request, 'accept-encoding') ?? ''),
    dispose: async () => {
      if (dataFile !== undefined) await rm(dataFile, { force: true });
    },
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function isTrue(value: string | null): boolean {
  return value === '1' || value === 'true';
}

function namedValues(url: URLSearchParams, nameOf: (name: string) => string | undefined): [string, string][] {
  const values: [string, string][] = [];
  for (const [key, value] of url) {
    const name = nameOf(key);
    if (name === undefined) continue;
    if (!isIdentifier(name))
      throw ownError(BAD_ARGUMENTS, 'BAD_ARGUMENTS', `${key} cannot be the name of a setting or parameter.`);
    values.push([name, value]);
  }
  return values;
}

async function readQuery(head: string, body: Readable, directory: string): Promise<Query> {
  if (takesData(head)) return { sql: head, dataFile: await spool(body, directory) };
  const source = body[Symbol.asyncIterator]();
  const { bytes, complete } = await firstBytes(source);
  // As Latin-1, characters are bytes: the data may be binary.
  const before = head === '' ? lengthBeforeData(bytes.toString('latin1')) : 0;
  if (before > 0 && (before < bytes.length || !complete)) {
    const data = joined(bytes.subarray(before), source);
    return { sql: bytes.toString('utf8', 0, before), dataFile: await spool(data, directory) };
  }
  if (!complete) {
    throw ownError(QUERY_IS_TOO_LARGE, 'QUERY_IS_TOO_LARGE', `A query may have ${QUERY_BYTES} bytes.`);
  }
  if (!isUtf8(bytes)) throw ownError(BAD_ARGUMENTS, 'BAD_ARGUMENTS', 'The text of the query is not UTF-8.');
  return { sql: bytes.length === 0 ? head : `${head}\n${bytes.toString('utf8')}`, dataFile: undefined };
}

async function firstBytes(source: AsyncIterator<unknown>): Promise<{ bytes: Buffer; complete: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size <= QUERY_BYTES) {
    const next = await source.next();
    if (next.done === true) return { bytes: Buffer.concat(chunks), complete: true };
    if (!Buffer.isBuffer(next.value)) continue;
    chunks.push(next.value);
    size += next.value.length;
  }
  return { bytes: Buffer.concat(chunks), complete: false };
}

async function* joined(first: Buffer, rest: AsyncIterator<unknown>): AsyncGenerator {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function spool(source: AsyncIterable<unknown>, directory: string): Promise<string> {
  const path = join(directory, `${randomUUID()}.data`);
  try {
    await pipeline(source, createWriteStream(path));
    return path;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

function decompressed(request: IncomingMessage): Readable {
  const decoder = decoderFor(header(request, 'content-encoding') ?? 'identity');
  if (decoder === undefined) return request;
  request.on('error', (error) => decoder.destroy(error));
  return request.pipe(decoder);
}

function decoderFor(encoding: string): Transform | undefined {
  if (encoding === 'identity') return undefined;
  if (encoding === 'gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  if (encoding === 'br') return createBrotliDecompress();
  throw ownError(48, 'NOT_IMPLEMENTED', `Content-Encoding ${encoding} is not supported.`);
}
