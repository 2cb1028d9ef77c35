import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { DestinationError } from '../../pipelines/errors.js';
import type { Pipeline } from '../../pipelines/pipeline.js';

/** A request that cannot be answered as asked: what is said about it goes to whoever sent it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  /**
   * @param status HTTP status
   * @param message what is wrong, and what to do
   * @param field which field of the request is wrong, when it is one
   */
  constructor(
    readonly status: number,
    message: string,
    readonly field?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a handler works with. */
export interface Asked {
  readonly request: Request;
  readonly response: Response;
  /** Aborted when whoever asked has gone, or has waited for long enough. */
  readonly signal: AbortSignal;
}

/** Longest time for an answer that an engine has to be asked for, in ms. */
const PATIENCE_MS = 15_000;

/** Who can say which engine an error speaks of as away, and what to do about it. */
type Knowing = Pick<Pipeline, 'engines' | 'engineAwayOf'>;

/**
 * Answers what `handle` returns as JSON, and its errors as `{error, field?}`.
 *
 * @param pipelines those that `handle` asks
 */
export function answering(
  handle: (asked: Asked) => unknown,
  pipelines: readonly Knowing[] = [],
): RequestHandler {
  return async (request, response) => {
    const enough = new AbortController();
    const timer = setTimeout(() => {
      enough.abort(new DOMException(`not answered within ${String(PATIENCE_MS)} ms`, 'TimeoutError'));
    }, PATIENCE_MS);
    response.once('close', () => {
      clearTimeout(timer);
      enough.abort();
    });
    try {
      const answer = await handle({ request, response, signal: enough.signal });
      if (!response.headersSent) response.json(answer);
    } catch (error) {
      if (response.destroyed) return;
      const known = knownError(error, pipelines);
      // What is not known is for the log alone.
      if (known === undefined) throw error;
      const { status, message, field } = known;
      response.status(status).json({ error: message, ...(field === undefined ? {} : { field }) });
    }
  };
}

/**
 * Reads the query, or the body, of a request.
 *
 * @throws {ApiError} 400 that names the first field that is wrong
 */
export function parsed<Value>(schema: z.ZodType<Value>, given: unknown): Value {
  const result = schema.safeParse(given ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = fieldOf(issue);
  const message = issue?.message ?? 'wrong';
  throw field === undefined ? new ApiError(400, message) : new ApiError(400, `${field}: ${message}`, field);
}

/** Where an issue is; fields that nobody knows are named by the issue itself. */
function fieldOf(issue: z.core.$ZodIssue | undefined): string | undefined {
  if (issue?.code === 'unrecognized_keys') return issue.keys[0];
  const first = issue?.path[0];
  return first === undefined ? undefined : String(first);
}

/** What to do about the engine that an error speaks of as away. */
function adviceOn(error: unknown, pipelines: readonly Knowing[]): string | undefined {
  for (const { engines, engineAwayOf } of pipelines) {
    const name = engineAwayOf(error);
    const found = name === undefined ? undefined : engines.find(({ engine }) => engine === name);
    if (found !== undefined) return found.advice;
  }
  return undefined;
}

function knownError(error: unknown, pipelines: readonly Knowing[]): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof DestinationError) return new ApiError(502, error.message);
  const advice = adviceOn(error, pipelines);
  if (advice !== undefined) return new ApiError(503, advice);
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return new ApiError(503, 'an engine takes too long to answer; the overview says which; then try again');
  return undefined;
}
