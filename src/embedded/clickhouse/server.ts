import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createGzip, type Gzip } from 'node:zlib';
import { engineError, QueryError } from './errors.js';
import { contentType } from './formats.js';
import type { WorkerPool } from './pool.js';
import { readRequest, type QueryRequest } from './request.js';
import { resultFormat, type Summary } from './statement.js';

/**
 * How an error ends an answer that has already begun with status 200.
 * `break`: as ClickHouse 25.11 and later do, with a tagged block and without the end of the HTTP body.
 * `append`: as old releases did, with the bare text at the end of a body that ends as if all were well.
 */
export type MidStreamError = 'break' | 'append';

/** What the server needs. */
export interface ServerOptions {
  readonly pool: WorkerPool;
  /** Where large request bodies are put. */
  readonly bodyDirectory: string;
  readonly midStreamError: MidStreamError;
}

/** The server's time zone; the system takes longer to tell it than it takes to answer many a statement. */
const TIME_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Longest URL, which carries the bound parameters: as much as ClickHouse takes by default. */
const URL_BYTES = 1024 * 1024;

/** Makes the HTTP server; it speaks as much of ClickHouse's HTTP interface as @clickhouse/client uses. */
export function createHttpServer(options: ServerOptions): Server {
  const server = createServer({ keepAliveTimeout: 10_000, maxHeaderSize: URL_BYTES }, (request, response) => {
    response.on('error', () => response.destroy());
    void handle(request, response, options);
  });
  server.requestTimeout = 0;
  return server;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const isQuery = request.method === 'POST' || searchParams.has('query');
  if (path === '/ping' || (path === '/' && !isQuery)) {
    response.setHeader('Content-Type', 'text/html; charset=UTF-8');
    response.end('Ok.\n');
    return;
  }
  if (path !== '/') {
    response.writeHead(404).end(`There is no handle ${path}\n`);
    return;
  }
  const clientGone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) clientGone.abort();
  });
  try {
    const query = await readRequest(request, options.bodyDirectory);
    try {
      await answer(query, response, options, clientGone.signal);
    } finally {
      await query.dispose();
    }
  } catch (error) {
    sendError(response, error instanceof QueryError ? error : engineError(String(error)));
  }
}

async function answer(
  query: QueryRequest,
  response: ServerResponse,
  { pool, midStreamError }: ServerOptions,
  signal: AbortSignal,
): Promise<void> {
  const tag = randomBytes(8).toString('hex');
  const blocks = pool.run(query.statement, signal);
  const ahead: Uint8Array[] = [];
  let next = await blocks.next();
  while (query.waitEndOfQuery && next.done !== true) {
    ahead.push(next.value);
    next = await blocks.next();
  }
  writeHeaders(
    query,
    response,
    next.done === true ? next.value : undefined,
    midStreamError === 'break' ? tag : undefined,
  );
  const body = query.gzip ? compressedBody(response) : response;
  try {
    for (const block of ahead) await write(body, block);
    while (next.done !== true) {
      await write(body, next.value);
      next = await blocks.next();
    }
    body.end();
  } catch (error) {
    if (!(error instanceof QueryError)) response.destroy();
    else if (midStreamError === 'append') body.end(`${error.message}\n`);
    else await breakOff(body, response, taggedException(tag, error.message));
  } finally {
    await blocks.return({ readRows: 0, readBytes: 0, writtenRows: 0 });
  }
}

function writeHeaders(
  query: QueryRequest,
  response: ServerResponse,
  summary: Summary | undefined,
  tag: string | undefined,
): void {
  const format = resultFormat(query.statement);
  response.setHeader('Content-Type', contentType(format));
  response.setHeader('X-ClickHouse-Format', format);
  response.setHeader('X-ClickHouse-Query-Id', query.queryId);
  response.setHeader('X-ClickHouse-Timezone', TIME_ZONE);
  if (tag !== undefined) response.setHeader('X-ClickHouse-Exception-Tag', tag);
  if (query.gzip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('X-ClickHouse-Summary', summaryText(summary));
}

function summaryText(summary: Summary | undefined): string {
  return JSON.stringify({
    read_rows: String(summary?.readRows ?? 0),
    read_bytes: String(summary?.readBytes ?? 0),
    written_rows: String(summary?.writtenRows ?? 0),
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: '0',
    elapsed_ns: '0',
  });
}

function sendError(response: ServerResponse, error: QueryError): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.statusCode = error.status;
  response.setHeader('X-ClickHouse-Exception-Code', String(error.code));
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.setHeader('Connection', 'close');
  response.end(`${error.message}\n`);
}

function compressedBody(response: ServerResponse): Gzip {
  const gzip = createGzip({ level: 1 });
  gzip.pipe(response);
  response.on('close', () => gzip.destroy());
  return gzip;
}

/** Writes a block and waits until there is room for the next one, or the client has gone. */
async function write(body: ServerResponse | Gzip, block: Uint8Array): Promise<void> {
  if (body.destroyed) throw new Error('The client went away.');
  if (body.write(block)) return;
  await new Promise<void>((resolve) => {
    const proceed = (): void => {
      body.off('drain', proceed);
      body.off('close', proceed);
      resolve();
    };
    body.on('drain', proceed);
    body.on('close', proceed);
  });
}

function taggedException(tag: string, message: string): string {
  const text = `${message}\n`;
  return `\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
}

/** Ends the connection without the last chunk, after everything written so far has left. */
async function breakOff(body: ServerResponse | Gzip, response: ServerResponse, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    body.write(text, () => {
      resolve();
    });
  });
  if ('flush' in body) {
    await new Promise<void>((resolve) => {
      body.flush(resolve);
    });
  }
  response.socket?.destroySoon();
}
