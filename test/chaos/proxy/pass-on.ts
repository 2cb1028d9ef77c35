import {
  request as sendRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream/promises';
import { pause } from '../pause.js';
import type { Harm } from './harm.js';

/** The server behind. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** The harms under which a request reaches the server behind, at least in part. */
type PassedOn =
  | Extract<Harm, { kind: 'cut-request' | 'drop-answer' | 'cut-answer' }>
  | (Extract<Harm, { kind: 'late' }> & { readonly stop: AbortSignal });

/** A connection was cut on purpose. */
class CutError extends Error {
  override readonly name = 'CutError';
}

/**
 * Passes a request on, and its answer back. The Host header is passed on as it is, so that signatures stay valid.
 *
 * @throws when one side has gone, or was cut off on purpose
 */
export async function passOn(
  incoming: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
  harm: PassedOn | undefined,
): Promise<void> {
  if (harm?.kind === 'late') {
    const body = await whole(incoming);
    await pause(harm.milliseconds, harm.stop);
    const outgoing = open(incoming, upstream);
    const answered = answerOf(outgoing);
    outgoing.end(body);
    await copy(await answered, response, Infinity);
    return;
  }
  const outgoing = open(incoming, upstream);
  response.once('close', () => outgoing.destroy());
  try {
    const answered = answerOf(outgoing);
    answered.catch(() => undefined);
    const most = harm?.kind === 'cut-request' ? harm.afterBytes : Infinity;
    const [answer] = await Promise.all([answered, send(incoming, outgoing, most)]);
    if (harm?.kind === 'drop-answer') {
      await whole(answer);
      throw new CutError();
    }
    await copy(answer, response, harm?.kind === 'cut-answer' ? harm.afterBytes : Infinity);
  } finally {
    outgoing.destroy();
  }
}

function open(incoming: IncomingMessage, { host, port }: Upstream): ClientRequest {
  const { method, url: path, headers } = incoming;
  // This server has answered “100 Continue” by itself.
  const passedOn = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'expect'));
  const outgoing = sendRequest({ host, port, method, path, headers: passedOn, agent: false });
  outgoing.on('error', () => undefined);
  return outgoing;
}

async function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (answer: IncomingMessage) => {
      answer.on('error', () => undefined);
      resolve(answer);
    });
    outgoing.once('error', reject);
    outgoing.once('close', () => {
      reject(new CutError());
    });
  });
}

async function send(incoming: IncomingMessage, outgoing: ClientRequest, most: number): Promise<void> {
  await pipeline(incoming, (chunks: AsyncIterable<unknown>) => first(chunks, most), outgoing);
}

/** Hands the answer on, unless the client has gone; the server behind finishes in any case. */
async function copy(answer: IncomingMessage, response: ServerResponse, most: number): Promise<void> {
  if (response.destroyed) {
    answer.resume();
    return;
  }
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, (chunks: AsyncIterable<unknown>) => first(chunks, most), response);
}

/** The first bytes; throws when they have passed. */
async function* first(chunks: AsyncIterable<unknown>, most: number): AsyncGenerator<Buffer> {
  let left = most;
  for await (const chunk of chunks) {
    if (!Buffer.isBuffer(chunk)) continue;
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) throw new CutError();
  }
}

async function whole(from: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
