import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Log } from '../observability/log.js';

/** Answers 404 to what no route took. */
export function notFound(): RequestHandler {
  return (_request, response) => {
    response.status(404).json({ error: 'there is nothing at this address' });
  };
}

/** Answers 405 to a method that a listed address does not take. */
export function methodNotAllowed(allowed: readonly string[]): RequestHandler {
  return (_request, response) => {
    response
      .status(405)
      .set('Allow', allowed.join(', '))
      .json({ error: `this address takes ${allowed.join(' and ')}` });
  };
}

/** Answers an error as JSON, without its stack, and logs it. */
export function answerErrors(log: Log): ErrorRequestHandler {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows error handlers by their four parameters
  return (error: unknown, request, response, _next) => {
    const status = statusOf(error);
    noteError(log, error, { method: request.method, path: request.path, status });
    if (response.headersSent) response.destroy();
    else response.status(status).json({ error: messageFor(status) });
  };
}

/** What is logged of a request that failed. */
export interface FailedRequest {
  readonly status: number;
  readonly method?: string;
  readonly path?: string;
}

/**
 * Logs what went wrong with a request: our own faults as errors, those of the request for debugging only. So is an
 * engine that is away: pages ask every few seconds, and the outage is told elsewhere, once.
 */
export function noteError(log: Log, error: unknown, details: FailedRequest): void {
  const level = details.status >= 500 && details.status !== AWAY ? 'error' : 'debug';
  log[level]({ err: error, ...details }, 'dashboard: a request failed');
}

/** Status that an error asks for (`status`, as body-parser and Express set it); 500 when it asks for none. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('status' in error)) return 500;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500;
}

/** Status while an engine that the answer needs is away. */
const AWAY = 503;

/** What is said about an error to whoever sent the request. */
export function messageFor(status: number): string {
  if (status === AWAY) return 'something that the answer needs is away; try again later';
  if (status >= 500) return 'this did not work; the log of the dashboard says why';
  return `the request is wrong: ${STATUS_CODES[status] ?? String(status)}`;
}
