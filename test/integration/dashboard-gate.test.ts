import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Finding } from '../../src/dashboard/access/access.js';
import { createApp } from '../../src/dashboard/app.js';
import { csrfTokenOf, identityOf, type Route } from '../../src/dashboard/route.js';
import { silentLog } from '../../src/observability/log.js';

const log = silentLog();
const known = (role: 'viewer' | 'operator'): Finding => ({
  kind: 'known',
  identity: { name: 'vera', role },
  csrfToken: 'token',
  bySession: false,
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Serves routes to whoever is there at the moment. */
async function serve(routes: readonly Route[], whoIsThere: () => Finding): Promise<string> {
  const access = { find: () => Promise.resolve(whoIsThere()), routes: [], hasLoginPage: false };
  const server = createServer(createApp({ routes, gate: { access, basePath: '', askAgainMs: 20 }, log }));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : address)}`;
}

const events = (role: 'viewer' | 'operator'): Route => ({
  method: 'get',
  path: '/events',
  role,
  does: 'Goes on and on',
  handler: (_request, response) => {
    response.type('text/event-stream').write('data: 1\n\n');
  },
});

describe('an answer that goes on and on', () => {
  test.each<[string, 'viewer' | 'operator', Finding]>([
    ['is logged out', 'viewer', { kind: 'stranger' }],
    ['is an operator no longer', 'operator', known('viewer')],
  ])('ends when whoever asked for it %s', async (_, role, later) => {
    let now = known('operator');
    const url = await serve([events(role)], () => now);
    const response = await new Promise<IncomingMessage>((resolve) => get(`${url}/events`, resolve));
    await once(response, 'data');
    const ended = new Promise((resolve) => response.on('error', () => undefined).once('close', resolve));
    now = later;
    await ended;
    expect(response.complete).toBe(false);
  });
});

describe('an app', () => {
  const route = (changes: Partial<Route>): Route => ({
    method: 'get',
    path: '/a',
    role: 'viewer',
    does: 'Something',
    handler: (_request, response) => {
      response.json([identityOf(response), csrfTokenOf(response)]);
    },
    ...changes,
  });

  test('tells handlers who asks', async () => {
    const url = await serve([route({})], () => known('viewer'));
    expect(await (await fetch(`${url}/a`)).json()).toEqual([{ name: 'vera', role: 'viewer' }, 'token']);
  });

  test('has each address once, and none for roles without a gate', () => {
    expect(() => createApp({ routes: [route({}), route({ role: 'anyone' })], log })).toThrow(TypeError);
    expect(() => createApp({ routes: [route({})], log })).toThrow('/a needs a role, and nobody can have one');
  });

  test('has no identity where anyone may come', async () => {
    const url = await serve([route({ role: 'anyone' })], () => known('viewer'));
    expect((await fetch(`${url}/a`)).status).toBe(500);
  });
});
