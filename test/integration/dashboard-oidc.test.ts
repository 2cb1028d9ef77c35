import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Dashboard } from '../../src/dashboard/server.js';
import { prepareDashboards, type DashboardGround } from '../support/dashboard.js';
import { Visitor } from '../support/visitor.js';

const CLIENT = { id: 'log-courier', secret: 'the secret of the dashboard at the provider' };
const BASE_PATH = '/courier';
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  olga: ['staff', 'storage-ops'],
  vera: ['staff'],
  mallory: ['sales'],
};

let ground: DashboardGround;
let dashboard: Dashboard;
let provider: Server;
let issuer: string;

/** A free port: the provider and the dashboard have to know each other's address before they start. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A real provider on this machine, with a page of its own to log in at. */
async function startProvider(redirectUri: string): Promise<void> {
  provider = createServer().listen(0, '127.0.0.1');
  await once(provider, 'listening');
  issuer = `http://127.0.0.1:${String(portOf(provider))}`;
  const { default: Provider } = await import('oidc-provider');
  const oidc = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] }],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    pkce: { required: () => true },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: [...(GROUPS[id] ?? [])] }),
    }),
  });
  provider.on('request', (request, response) => {
    void oidc.callback()(request, response);
  });
}

function settings() {
  return {
    'dashboard.base-path': BASE_PATH,
    'dashboard.oidc-issuer': issuer,
    'dashboard.oidc-client-id': CLIENT.id,
    'dashboard.oidc-client-secret': CLIENT.secret,
    'dashboard.oidc-operator-values': 'storage-ops, admins',
    'dashboard.oidc-viewer-values': 'staff',
  };
}

beforeAll(async () => {
  // The provider says at length that it is not set up for the public.
  for (const level of ['info', 'warn'] as const)
    jest.spyOn(console, level).mockImplementation(() => undefined);
  ground = await prepareDashboards();
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${String(port)}${BASE_PATH}`;
  await startProvider(`${publicUrl}/login/callback`);
  dashboard = await ground.start({
    ...settings(),
    'dashboard.public-url': publicUrl,
    'dashboard.listen-port': String(port),
  });
});
afterAll(async () => {
  await ground.close();
  provider.close();
  provider.closeAllConnections();
});

function visitor(): Visitor {
  return new Visitor(`${dashboard.url}${BASE_PATH}`);
}

/** Follows redirects until there are none, or one leads where the condition says. */
async function follow(
  browser: Visitor,
  first: Response,
  until: (url: URL) => boolean,
): Promise<{ response: Response; url: URL }> {
  let response = first;
  let url = new URL(first.url);
  for (;;) {
    const location = response.headers.get('location');
    if (location === null) return { response, url };
    url = new URL(location, url);
    if (until(url)) return { response, url };
    await response.body?.cancel();
    response = await browser.visit(url.href);
  }
}

const isCallback = ({ pathname }: URL): boolean => pathname === `${BASE_PATH}/login/callback`;

/** Logs in at the provider, and stops before coming back. */
async function logInAtProvider(browser: Visitor, name: string, next = '/queues/'): Promise<URL> {
  const start = await browser.visit(`/login/oidc?next=${encodeURIComponent(next)}`);
  expect(start.status).toBe(303);
  const login = await follow(browser, start, isCallback);
  expect(await login.response.text()).toContain('name="login"');
  const form = { prompt: 'login', login: name, password: 'any' };
  const consent = await follow(browser, await browser.visit(login.url.href, { form }), isCallback);
  if (isCallback(consent.url)) return consent.url;
  await consent.response.body?.cancel();
  const agreed = await browser.visit(consent.url.href, { form: { prompt: 'consent' } });
  return (await follow(browser, agreed, isCallback)).url;
}

describe('OpenID Connect', () => {
  test('is offered by the page to log in, which has no form when nobody has a password', async () => {
    const page = await (await visitor().visit('/login?next=/queues/')).text();
    expect(page).toContain('href="/courier/login/oidc?next=%2Fqueues%2F"');
    expect(page).not.toContain('<form');
  });

  test('asks the provider with PKCE, state and nonce', async () => {
    const start = await visitor().visit('/login/oidc');
    const { origin, searchParams } = new URL(start.headers.get('location') ?? '');
    expect(origin).toBe(issuer);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      client_id: CLIENT.id,
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid profile email',
      redirect_uri: `${dashboard.url}${BASE_PATH}/login/callback`,
    });
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect((searchParams.get(name) ?? '').length).toBeGreaterThan(20);
    expect(start.headers.get('set-cookie')).toMatch(
      /^log-courier-login=.*Path=\/courier\/login; .*HttpOnly; SameSite=Lax/,
    );
  });

  test.each([
    ['olga', 'operator'],
    ['vera', 'viewer'],
  ])('lets %s in as %s, by the groups that the provider knows', async (name, role) => {
    const browser = visitor();
    const back = await logInAtProvider(browser, name);
    const answer = await browser.visit(back.href);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/courier/queues/']);
    expect(await browser.me()).toMatchObject({ name, role });
    expect(browser.cookie('log-courier-login')).toBeUndefined();
    const { csrfToken } = await browser.me();
    const change = { method: 'PUT', headers: { 'x-csrf-token': csrfToken } };
    const status = (await browser.visit('/queues/api/queues/delivery-things/resume', change)).status;
    expect(status).toBe(role === 'operator' ? 200 : 403);
    expect(await ground.logged(({ event, by }) => event === 'login' && by === name)).toMatchObject({
      how: 'oidc',
    });
  });

  test('lets nobody in without a role', async () => {
    const browser = visitor();
    const answer = await browser.visit((await logInAtProvider(browser, 'mallory')).href);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('mallory has no role on this dashboard.');
    expect((await browser.visit('/api/me')).status).toBe(401);
  });

  test.each([
    ['in another browser than it began in', (back: URL) => back.href, true],
    ['with another state', (back: URL) => back.href.replace(/state=[^&]+/, 'state=x'), false],
    ['with another code', (back: URL) => back.href.replace(/code=[^&]+/, 'code=x'), false],
    [
      'from another issuer',
      (back: URL) => back.href.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example.com'),
      false,
    ],
    ['with nothing', (back: URL) => back.href.replace(/\?.*/, ''), false],
    ['with a refusal', (back: URL) => back.href.replace(/code=[^&]+/, 'error=access_denied'), false],
  ])('refuses an answer %s', async (_, changed, inAnother) => {
    const browser = visitor();
    const back = await logInAtProvider(browser, 'olga');
    const taker = inAnother ? visitor() : browser;
    const answer = await taker.visit(changed(back));
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('The login did not work. Please try again.');
    expect((await taker.visit('/api/me')).status).toBe(401);
  });

  test('takes an answer once', async () => {
    const browser = visitor();
    const back = await logInAtProvider(browser, 'vera');
    const again = browser.copy();
    expect((await browser.visit(back.href)).status).toBe(303);
    expect((await browser.visit(back.href)).status).toBe(401);
    expect((await again.visit(back.href)).status).toBe(401);
  });

  test('never leads to another site afterwards', async () => {
    const browser = visitor();
    const answer = await browser.visit((await logInAtProvider(browser, 'vera', '//evil.example.com/')).href);
    expect(answer.headers.get('location')).toBe('/courier/');
  });

  test('says that the provider is away, and goes on when it is back', async () => {
    const port = await freePort();
    const away = await ground.start({
      ...settings(),
      'dashboard.public-url': `http://127.0.0.1:1${BASE_PATH}`,
      'dashboard.oidc-issuer': `http://127.0.0.1:${String(port)}`,
    });
    const browser = new Visitor(`${away.url}${BASE_PATH}`);
    const answer = await browser.visit('/login/oidc');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('Single sign-on cannot be reached. Please try again later.');
    const back = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      const at = `http://127.0.0.1:${String(port)}`;
      response.end(JSON.stringify({ issuer: at, authorization_endpoint: `${at}/auth` }));
    }).listen(port, '127.0.0.1');
    await once(back, 'listening');
    expect((await browser.visit('/login/oidc')).status).toBe(303);
    back.close();
    back.closeAllConnections();
  });
});
