import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Answer } from './answer.js';
import { ObjectIndex } from './object-index.js';
import { answer, control, CONTROL } from './operations.js';

/** How the sink behaves. */
export interface SinkOptions {
  /** How long each answer is held back after the request has come, in ms: a network and a disk. */
  readonly latencyMs: number;
  /** Count the line feeds of what is written, which costs time. */
  readonly newlines: boolean;
}

const NEWLINE = 0x0a;

/**
 * An S3 server that keeps nothing: it takes objects of any size, whole and in parts, honours conditional writes,
 * checks neither signatures nor digests, and discards what it is sent. It is there so that what is measured is not S3.
 */
export function createSink(options: SinkOptions): Server {
  const index = new ObjectIndex();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    take(request, index, options, (answered) => {
      if (options.latencyMs === 0 || request.url?.startsWith(CONTROL) === true) send(response, answered);
      else setTimeout(send, options.latencyMs, response, answered);
    });
  });
  server.requestTimeout = 0;
  return server;
}

/** Reads a request to its end; one that breaks off has no effect. */
function take(
  request: IncomingMessage,
  index: ObjectIndex,
  { newlines }: SinkOptions,
  done: (answered: Answer) => void,
): void {
  const url = request.url ?? '/';
  let lines = 0;
  if (newlines) {
    request.on('data', (chunk: Buffer) => {
      lines += newlinesIn(chunk);
    });
  } else request.resume();
  request.on('end', () => {
    if (url.startsWith(CONTROL)) {
      done(control(index, url));
      return;
    }
    const mark = url.indexOf('?');
    index.countRequest();
    index.countNewlines(lines);
    done(
      answer(index, {
        method: request.method ?? 'GET',
        path: mark === -1 ? url : url.slice(0, mark),
        query: new URLSearchParams(mark === -1 ? '' : url.slice(mark)),
        headers: request.headers,
        bytes: contentBytes(request),
      }),
    );
  });
}

/** Bytes of content: chunks with signatures say so in a header of their own. */
function contentBytes({ headers }: IncomingMessage): number {
  return Number(headers['x-amz-decoded-content-length'] ?? headers['content-length'] ?? 0);
}

function newlinesIn(chunk: Buffer): number {
  let found = 0;
  for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) found += 1;
  return found;
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  response.writeHead(
    status,
    status === 204 ? headers : { 'Content-Length': Buffer.byteLength(body), ...headers },
  );
  response.end(body);
}
