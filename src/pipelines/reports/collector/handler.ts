import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../../observability/log.js';
import { countReports, type Agents } from './agents.js';
import { readBody, type BodyBudget } from './body.js';
import { checkedType, type Intake, type Stored } from './intake.js';
import { postedReport, postedReports, type PostedReport } from './json-text.js';
import { Refusal, type RefusalCode } from './problem.js';

/** What requests may be. */
export interface RequestLimits {
  /** Bytes of one report. */
  readonly maxReportBytes: number;
  /** Bytes of a batch. */
  readonly maxBatchBytes: number;
  /** Reports in a batch. */
  readonly maxReports: number;
  /** Levels of nesting. */
  readonly maxDepth: number;
}

/** What answers requests. */
export interface HandlerParts {
  readonly agents: Agents;
  readonly intake: Intake;
  readonly budget: BodyBudget;
  readonly limits: RequestLimits;
  /** Origins whose pages may post: none unless the settings name them. */
  readonly origins: readonly string[];
  readonly log: Log;
  readonly onAccepted: (reports: number) => void;
  readonly onRefused: (code: RefusalCode) => void;
  /** Whether it takes reports now: for the health route. */
  readonly isReady: () => boolean;
  /** Whether it ends: connections then end with their answers. */
  readonly isClosing: () => boolean;
}

const ONE = '/api/v1/reports';
const SEVERAL = '/api/v1/reports/batch';

/** Answers requests to the collector. */
export function collectorHandler(
  parts: HandlerParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (parts.isClosing()) response.setHeader('connection', 'close');
    answer(parts, request, response).catch((error: unknown) => {
      refuse(parts, request, response, error);
    });
  };
}

async function answer(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = urlOf(request);
  allowOrigin(parts, request, response);
  if (pathname === '/healthz' && (request.method === 'GET' || request.method === 'HEAD')) {
    const isReady = parts.isReady();
    send(response, isReady ? 200 : 503, JSON.stringify({ status: isReady ? 'ok' : 'not storing reports' }));
    return;
  }
  if (pathname !== ONE && pathname !== SEVERAL)
    throw new Refusal('not-found', `there is nothing here; post reports to ${ONE} or ${SEVERAL}`);
  if (request.method === 'OPTIONS' && parts.origins.length > 0) {
    response.writeHead(204, { 'content-length': '0' }).end();
    return;
  }
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    throw new Refusal('wrong-method', 'reports are posted');
  }
  const agent = parts.agents.of(request.headers.authorization);
  const form = formOf(request, pathname === SEVERAL);
  const { maxReportBytes, maxBatchBytes, maxDepth } = parts.limits;
  const { body, done } = await readBody(request, {
    maxBytes: form === 'one' ? maxReportBytes : maxBatchBytes,
    budget: parts.budget,
    onWanted: () => {
      // One that asked whether to send its body waits for this.
      if (request.headers.expect !== undefined) response.writeContinue();
    },
  });
  try {
    const reports: readonly PostedReport[] =
      form === 'one' ? [postedReport(body, maxDepth)] : postedReports(body, form, parts.limits);
    await countReports(agent, reports.length);
    const type = searchParams.get('type');
    const stored = await parts.intake.store({
      ...{ agent, reports, body },
      type: type === null ? undefined : checkedType(type, 'type'),
      key: headerOf(request, 'idempotency-key'),
    });
    if (!stored.before) parts.onAccepted(stored.ids.length);
    send(response, 202, acknowledgement(form, stored));
  } finally {
    done();
  }
}

function acknowledgement(form: 'one' | 'array' | 'lines', { ids }: Stored): string {
  return JSON.stringify(form === 'one' ? { id: ids[0] } : { ids });
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  if (!URL.canParse(url, 'http://collector')) throw new Refusal('bad-request', 'this is no address');
  return new URL(url, 'http://collector');
}

function formOf(request: IncomingMessage, isBatch: boolean): 'one' | 'array' | 'lines' {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!isBatch) {
    if (type === 'application/json' || type.endsWith('+json')) return 'one';
    throw new Refusal('unsupported-type', 'a report is of the type application/json');
  }
  if (type === 'application/json') return 'array';
  if (type === 'application/x-ndjson' || type === 'application/jsonl' || type === 'application/ndjson')
    return 'lines';
  throw new Refusal('unsupported-type', 'a batch is of the type application/json or application/x-ndjson');
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function allowOrigin({ origins }: HandlerParts, request: IncomingMessage, response: ServerResponse): void {
  if (origins.length === 0) return;
  response.setHeader('vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined || !(origins.includes(origin) || origins.includes('*'))) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader(
    'access-control-allow-headers',
    'authorization, content-type, content-encoding, idempotency-key',
  );
  response.setHeader('access-control-max-age', '3600');
}

function send(response: ServerResponse, status: number, body: string, type = 'application/json'): void {
  response
    .writeHead(status, { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) })
    .end(body);
}

function refuse(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void {
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal('internal', 'something went wrong here; try again', 5, { cause: error });
  if (refusal.code === 'internal' && !request.destroyed) parts.log.error({ err: error }, 'a request failed');
  parts.onRefused(refusal.code);
  if (response.headersSent || response.destroyed) return;
  if (refusal.retryAfterSeconds !== undefined)
    response.setHeader('retry-after', String(refusal.retryAfterSeconds));
  if (refusal.status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (!request.complete) dropRest(request);
  send(response, refusal.status, refusal.toProblem(), 'application/problem+json');
}

/** How much of a body that is not wanted is read and forgotten, bytes, and for how long, ms. */
const [DROPPED_BYTES, DROPPED_MS] = [33_554_432, 2000];

/**
 * Lets the sender get its answer: a connection that is closed while it still sends is reset, and the answer is lost. One
 * that goes on for too long is cut off all the same.
 */
function dropRest(request: IncomingMessage): void {
  let left = DROPPED_BYTES;
  const impatience = setTimeout(() => {
    request.destroy();
  }, DROPPED_MS);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.once('close', () => {
    clearTimeout(impatience);
  });
  request.resume();
}
