import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { authenticate, type Credentials } from './http/authentication.js';
import { S3Error } from './http/errors.js';
import { encodePath, targetOf } from './http/target.js';
import { xmlError } from './http/xml.js';
import { findOperation } from './operations/find.js';
import type { Answer, Stores } from './operations/operation.js';
import { randomId } from './store/layout.js';

/** A connection that the server closes just when a client sends on it costs the client a retry. */
const KEEP_ALIVE_MS = 60_000;
const READ_BYTES = 256 * 1024;

/** What the server needs. */
export interface ServerOptions {
  readonly stores: Stores;
  readonly credentials: Credentials;
}

/** Makes the HTTP server: S3 in path style, as much of it as findOperation knows. */
export function createS3Server(options: ServerOptions): Server {
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, highWaterMark: READ_BYTES },
    (request, response) => {
      response.on('error', () => response.destroy());
      // A server that ends waits for its connections, which would otherwise stay for the next request.
      response.on('close', () => {
        if (!server.listening) server.closeIdleConnections();
      });
      void handle(request, response, options);
    },
  );
  // Bodies may be large, and their senders slow.
  server.requestTimeout = 0;
  return server;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const requestId = randomId().toUpperCase();
  response.setHeader('x-amz-request-id', requestId);
  response.setHeader('Server', 'log-courier');
  try {
    await send(request, response, await answerOf(request, options));
  } catch (error) {
    sendError(request, response, requestId, error);
  }
  // What is left of the body makes way for the next request of the connection.
  request.resume();
}

async function answerOf(request: IncomingMessage, { stores, credentials }: ServerOptions): Promise<Answer> {
  const method = request.method ?? '';
  const target = targetOf(request.url ?? '');
  authenticate(request, target, credentials);
  const { bucket = '', key = '', query } = target;
  return findOperation(method, target).answer({ http: request, bucket, key, query }, stores);
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, xml, content }: Answer,
): Promise<void> {
  if (content === undefined) {
    const body = xml === undefined ? Buffer.alloc(0) : Buffer.from(xml);
    const type = xml === undefined ? {} : { 'Content-Type': 'application/xml' };
    const length = status === 204 || request.method === 'HEAD' ? {} : { 'Content-Length': body.length };
    response.writeHead(status, { ...type, ...length, ...headers }).end(body);
    return;
  }
  const { file, range } = content;
  try {
    response.writeHead(status, headers);
    if (range.first > range.last) response.end();
    else {
      const { first: start, last: end } = range;
      const options = { start, end, highWaterMark: READ_BYTES, autoClose: false };
      await pipeline(file.createReadStream(options), response);
    }
  } finally {
    await file.close();
  }
}

function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  error: unknown,
): void {
  // A client that has gone is told nothing; one that got half an object must not take it for the whole.
  if (response.headersSent || response.destroyed || request.errored !== null) {
    response.destroy();
    return;
  }
  const { code, status, message } = error instanceof S3Error ? error : unexpected(requestId, error);
  const resource = encodePath(request.url?.split('?')[0] ?? '');
  const xml = xmlError({ Code: code, Message: message, Resource: resource, RequestId: requestId });
  const hasBody = request.method !== 'HEAD' && status !== 304;
  response.writeHead(status, hasBody ? { 'Content-Type': 'application/xml' } : {});
  response.end(hasBody ? xml : undefined);
}

/** An error of ours, or of the disk. The engine's log has all of it. */
function unexpected(requestId: string, error: unknown): S3Error {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`request ${requestId} failed: ${text}\n`);
  return new S3Error('InternalError', error instanceof Error ? error.message : String(error));
}
