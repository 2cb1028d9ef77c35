import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

/** A request as a server of the tests sees it. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: Buffer;
}

/** A server that is running. */
export interface AnsweringServer {
  readonly url: string;
  /** The next requests that match are not answered: their connection breaks off, before or after they are done. */
  breakOff(when: 'before' | 'after', matches: (asked: Asked) => boolean): void;
  /** The next request that matches is answered so instead. */
  answerInstead(answer: Answer, matches: (asked: Asked) => boolean): void;
  close(): Promise<void>;
}

/** Starts a server on a free port that answers whole requests; one that breaks off before its end is never seen. */
export async function startAnswering(answer: (asked: Asked) => Promise<Answer>): Promise<AnsweringServer> {
  const breaks: { readonly when: 'before' | 'after'; readonly matches: (asked: Asked) => boolean }[] = [];
  const instead: { readonly answer: Answer; readonly matches: (asked: Asked) => boolean }[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '', `http://${headers.host ?? ''}`);
    const asked = { method, url, headers, body: await buffer(request) };
    const broken = takeFirst(breaks, ({ matches }) => matches(asked));
    if (broken?.when === 'before') {
      request.socket.destroy();
      return;
    }
    const given = takeFirst(instead, ({ matches }) => matches(asked))?.answer ?? (await answer(asked));
    if (broken?.when === 'after') {
      request.socket.destroy();
      return;
    }
    const json = given.json === undefined ? undefined : Buffer.from(JSON.stringify(given.json));
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    response.writeHead(given.status, { ...type, ...given.headers }).end(json ?? given.body);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (request.destroyed && !request.complete) return;
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    url: `http://127.0.0.1:${String(port)}`,
    breakOff: (when, matches) => {
      breaks.push({ when, matches });
    },
    answerInstead: (given, matches) => {
      instead.push({ answer: given, matches });
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function takeFirst<Item>(list: Item[], matches: (item: Item) => boolean): Item | undefined {
  const index = list.findIndex(matches);
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

/** An error as Google's APIs answer it. */
export function googleAnswer(status: number, reason: string, message: string): Answer {
  return {
    status,
    json: { error: { code: status, message, errors: [{ message, reason, domain: 'global' }] } },
  };
}
