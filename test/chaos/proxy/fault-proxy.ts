import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../../../src/embedded/listen.js';
import { pause } from '../pause.js';
import type { Harm, Rule } from './harm.js';
import { passOn, type Upstream } from './pass-on.js';

/** A reverse proxy that streams, and that can do to HTTP what networks and servers do to it. */
export interface FaultProxy {
  readonly url: string;
  /** Adds a rule; the first one that wants a request gets it. Answers what takes the rule away. */
  readonly add: (rule: Rule) => () => void;
  /** Requests that were harmed so far, by kind. */
  readonly harmed: ReadonlyMap<Harm['kind'], number>;
  /** Requests that are kept back and will still be passed on. */
  readonly keptBack: () => number;
  readonly close: () => Promise<void>;
}

/** @param stop aborted to let go of everything that is held or kept back */
export async function startFaultProxy(upstream: Upstream, stop: AbortSignal): Promise<FaultProxy> {
  const rules = new Set<Rule>();
  const harmed = new Map<Harm['kind'], number>();
  let keptBack = 0;

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/', headers, socket } = incoming;
    const harm = harmFor(rules, { method, url, headers });
    if (harm !== undefined) harmed.set(harm.kind, (harmed.get(harm.kind) ?? 0) + 1);
    switch (harm?.kind) {
      case 'answer':
        incoming.resume();
        response.writeHead(harm.status, { 'content-type': 'application/xml' }).end(harm.body);
        return;
      case 'hold':
        incoming.resume();
        await pause(harm.milliseconds, stop);
        socket.resetAndDestroy();
        return;
      case 'late':
        keptBack += 1;
        try {
          await passOn(incoming, response, upstream, { ...harm, stop });
        } finally {
          keptBack -= 1;
        }
        return;
      case 'cut-request':
      case 'drop-answer':
      case 'cut-answer':
      case undefined:
        await passOn(incoming, response, upstream, harm);
    }
  };

  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (incoming, response) => {
    // Clients that give up are daily bread here; what they left open is closed.
    response.on('error', () => undefined);
    incoming.on('error', () => undefined);
    const { socket } = incoming;
    handle(incoming, response).catch(() => {
      socket.resetAndDestroy();
    });
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  const port = await listen(server, 0);
  return {
    url: `http://127.0.0.1:${port}`,
    add: (rule) => {
      rules.add(rule);
      return () => rules.delete(rule);
    },
    harmed,
    keptBack: () => keptBack,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function harmFor(rules: ReadonlySet<Rule>, head: Parameters<Rule>[0]): Harm | undefined {
  for (const rule of rules) {
    const harm = rule(head);
    if (harm !== undefined) return harm;
  }
  return undefined;
}
