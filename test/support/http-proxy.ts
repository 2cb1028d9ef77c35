import { once } from 'node:events';
import {
  createServer,
  request as sendRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { z } from 'zod';

/** A request as the proxy got it, before it is passed on. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * What becomes of a request.
 *
 * - `pass`: it goes through
 * - `answer`: the proxy answers by itself; the server behind never sees it
 * - `reset`: the connection is reset; the server behind never sees it
 * - `drop`: it goes through, but its answer is lost and the connection is reset
 * - `cut`: the connection is reset after the first bytes of the answer's body
 * - `append`: text is added to the end of the body, which ends as if all were well
 * - `append-and-cut`: text is added to the end of the body, whose end is then never told
 * - `rewrite`: the body is replaced, once all of it is there
 */
export type Fate =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'append'; readonly text: string }
  | { readonly kind: 'append-and-cut'; readonly text: string }
  | { readonly kind: 'rewrite'; readonly with: (body: string) => string };

/** Decides on a request; a delay is a promise that resolves later. */
export type Rule = (request: ProxiedRequest) => Fate | Promise<Fate>;

/** A reverse proxy that can do to HTTP what networks and servers do to it. */
export interface HttpProxy {
  readonly url: string;
  /** What came since the start or the last `reset`, in the order in which it came. */
  readonly requests: readonly ProxiedRequest[];
  /** Decides on every request from now on. */
  readonly rule: (rule: Rule) => void;
  /** Lets everything pass, and forgets what came. */
  readonly reset: () => void;
  /** Resolves when a request, also one that came before, fits and has been answered. */
  readonly answered: (fits: (request: ProxiedRequest) => boolean) => Promise<void>;
  readonly close: () => Promise<void>;
}

const PASS: Fate = { kind: 'pass' };

/**
 * Starts a proxy on 127.0.0.1. Requests are read whole before they are passed on; answers are
 * streamed. The Host header is passed on as it is, so that signatures stay valid.
 *
 * @param target URL of the server behind
 * @param ownPort where it listens; any port that is free when left out
 */
export async function startHttpProxy(target: string, ownPort = 0): Promise<HttpProxy> {
  const { hostname, port } = new URL(target);
  let decide: Rule = () => PASS;
  let requests: ProxiedRequest[] = [];
  const done = new Set<ProxiedRequest>();
  const waiting = new Set<() => void>();

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/', headers } = incoming;
    const request = { method, url, headers, body: await read(incoming) };
    requests.push(request);
    response.on('close', () => {
      done.add(request);
      for (const check of waiting) check();
    });
    const fate = await decide(request);
    if (fate.kind === 'reset') incoming.socket.resetAndDestroy();
    else if (fate.kind === 'answer') response.writeHead(fate.status).end(fate.body);
    else pass(request, response, fate);
  };

  const pass = (request: ProxiedRequest, response: ServerResponse, fate: Fate): void => {
    const { method, url: path, headers } = request;
    const upstream = sendRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      void deliver(answer, response, fate);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.end(request.body);
  };

  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  server.listen(ownPort, '127.0.0.1');
  await once(server, 'listening');
  const address = z.object({ port: z.number() }).parse(server.address());

  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    get requests() {
      return requests;
    },
    rule: (rule) => {
      decide = rule;
    },
    reset: () => {
      decide = () => PASS;
      requests = [];
    },
    answered: async (fits) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!requests.some((request) => fits(request) && done.has(request))) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: AsyncIterable<Buffer> = incoming;
  const received: Buffer[] = [];
  for await (const chunk of chunks) received.push(chunk);
  return Buffer.concat(received);
}

/** Hands the answer of the server behind on, with what the fate does to it. */
async function deliver(answer: IncomingMessage, response: ServerResponse, fate: Fate): Promise<void> {
  try {
    if (fate.kind === 'drop') {
      answer.resume();
      await once(answer, 'end');
      response.socket?.resetAndDestroy();
      return;
    }
    const headers = { ...answer.headers };
    if (fate.kind !== 'pass') delete headers['content-length'];
    response.writeHead(answer.statusCode ?? 502, headers);
    if (fate.kind === 'rewrite') {
      response.end(fate.with((await read(answer)).toString('utf8')));
      return;
    }
    await copy(answer, response, fate.kind === 'cut' ? fate.afterBytes : Infinity);
    if (fate.kind === 'append') response.end(fate.text);
    else if (fate.kind === 'append-and-cut') breakOff(response, fate.text);
    else if (fate.kind === 'cut') breakOff(response, '');
    else response.end();
  } catch {
    response.destroy();
  }
}

async function copy(answer: IncomingMessage, response: ServerResponse, most: number): Promise<void> {
  let left = most;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk).subarray(0, left);
    left -= bytes.byteLength;
    if (!response.write(bytes)) await once(response, 'drain');
    if (left <= 0) return;
  }
}

/** Ends the connection without the end of the body, after everything written has left. */
function breakOff(response: ServerResponse, text: string): void {
  const end = (): void => response.socket?.destroySoon();
  if (text === '') end();
  else response.write(text, end);
}
