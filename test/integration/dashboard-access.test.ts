import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { hashPassword } from '../../src/dashboard/access/password-hash.js';
import { deriveSecrets } from '../../src/dashboard/access/secrets.js';
import { SESSION_COOKIE } from '../../src/dashboard/access/session-cookie.js';
import { Sessions } from '../../src/dashboard/access/sessions.js';
import { hashToken, randomToken } from '../../src/dashboard/access/token.js';
import type { Dashboard } from '../../src/dashboard/server.js';
import { silentLog } from '../../src/observability/log.js';
import { prepareDashboards, type DashboardGround } from '../support/dashboard.js';
import { Visitor } from '../support/visitor.js';

const TOKENS = { viewer: randomToken(), operator: randomToken() };
const SECRET = 'a secret that all replicas share with each other';

let ground: DashboardGround;
let dashboard: Dashboard;
let usersFile: string;
let hashes: Readonly<Record<'olga' | 'vera', string>>;

interface Who {
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  readonly password?: string;
  readonly token?: string;
}

function writeUsers(users: readonly Who[]): void {
  writeFileSync(usersFile, JSON.stringify({ users }));
}

function everybody(): readonly Who[] {
  return [
    { name: 'olga', role: 'operator', password: hashes.olga },
    { name: 'vera', role: 'viewer', password: hashes.vera },
    { name: 'a program', role: 'operator', token: hashToken(TOKENS.operator) },
    { name: 'prometheus', role: 'viewer', token: hashToken(TOKENS.viewer) },
  ];
}

const settings = () => ({
  'dashboard.users-file': usersFile,
  'dashboard.session-secret': SECRET,
  'dashboard.username': 'root',
  'dashboard.password': 'hunter2',
});

beforeAll(async () => {
  ground = await prepareDashboards();
  usersFile = join(ground.dir, 'users.yaml');
  hashes = { olga: await hashPassword('olgas password'), vera: await hashPassword('veras password') };
  writeUsers(everybody());
  dashboard = await ground.start(settings());
});
afterAll(() => ground.close());

beforeEach(async () => {
  writeUsers(everybody());
  // Attempts are counted in Redis, by address, and all tests have one.
  const keys = await ground.redis.keys('*:login-attempts:*');
  if (keys.length > 0) await ground.redis.del(keys);
});

function stranger(base = dashboard): Visitor {
  return new Visitor(base.url);
}

function bearer(role: 'viewer' | 'operator'): Visitor {
  return new Visitor(dashboard.url, { authorization: `Bearer ${TOKENS[role]}` });
}

function basic(name: string, password: string): Visitor {
  const userPass = Buffer.from(`${name}:${password}`).toString('base64');
  return new Visitor(dashboard.url, { authorization: `Basic ${userPass}` });
}

async function loggedIn(name: 'olga' | 'vera'): Promise<Visitor> {
  const visitor = stranger();
  expect((await visitor.logIn(name, `${name}s password`)).status).toBe(303);
  return visitor;
}

async function statusOf(visitor: Visitor, ...visit: Parameters<Visitor['visit']>): Promise<number> {
  const response = await visitor.visit(...visit);
  await response.body?.cancel();
  return response.status;
}

/** Every address with something in the place of its parameters. */
function addresses(
  changing: boolean,
): readonly { readonly method: string; readonly path: string; readonly role: string }[] {
  return dashboard.routes
    .filter(({ method }) => (method !== 'get') === changing)
    .map(({ method, path, role }) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/:\w+/g, 'x'),
      role,
    }));
}

describe('every address', () => {
  test('that is not open to everyone turns strangers away', async () => {
    for (const { method, path, role } of [...addresses(false), ...addresses(true)]) {
      const status = await statusOf(stranger(), path, { method });
      expect([method, path, status === 401]).toEqual([method, path, role !== 'anyone']);
    }
  });

  test('that changes something turns viewers away, the board’s too', async () => {
    const changing = addresses(true).filter(({ role }) => role !== 'anyone');
    expect(changing.length).toBeGreaterThan(20);
    for (const { method, path, role } of changing) {
      expect([path, role]).toEqual([path, 'operator']);
      expect([path, await statusOf(bearer('viewer'), path, { method, json: {} })]).toEqual([path, 403]);
    }
    expect(await ground.queue.isPaused()).toBe(false);
  });

  test('that changes nothing lets viewers in, unless it says otherwise', async () => {
    for (const { method, path, role } of addresses(false).filter((one) => one.role !== 'anyone'))
      expect([path, (await statusOf(bearer('viewer'), path, { method })) === 403]).toEqual([
        path,
        role === 'operator',
      ]);
  });

  test('that changes something refuses what another site sends, whoever is logged in', async () => {
    const visitors = [await loggedIn('olga'), basic('olga', 'olgas password'), bearer('operator')];
    const forged = [
      { origin: 'https://evil.example.com' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'null' },
    ];
    for (const { method, path } of addresses(true))
      for (const headers of forged)
        for (const visitor of visitors)
          expect([path, await statusOf(visitor, path, { method, headers, json: {} })]).toEqual([path, 403]);
    expect(await ground.queue.isPaused()).toBe(false);
  });

  test('that changes something wants the token of the session from browsers', async () => {
    const [olga, other] = [await loggedIn('olga'), await loggedIn('olga')];
    const { csrfToken } = await other.me();
    const sameOrigin = { 'sec-fetch-site': 'same-origin' };
    for (const { method, path } of addresses(true).filter(({ role }) => role !== 'anyone'))
      for (const headers of [
        {},
        sameOrigin,
        { ...sameOrigin, 'x-csrf-token': csrfToken },
        { 'x-csrf-token': '' },
      ])
        expect([path, await statusOf(olga, path, { method, headers, json: {} })]).toEqual([path, 403]);
  });

  test('takes its own methods only', async () => {
    const response = await bearer('operator').visit('/api/me', { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
    expect(await statusOf(bearer('operator'), '/nothing')).toBe(404);
  });
});

describe('somebody comes in', () => {
  test.each([
    ['with the password of the settings', () => basic('root', 'hunter2'), 'root', 'operator'],
    ['with a password of the file', () => basic('vera', 'veras password'), 'vera', 'viewer'],
    ['with a token', () => bearer('viewer'), 'prometheus', 'viewer'],
    ['with another token', () => bearer('operator'), 'a program', 'operator'],
  ])('%s', async (_, visitor, name, role) => {
    expect(await visitor().me()).toMatchObject({ name, role });
  });

  test.each([
    ['a wrong password', () => basic('olga', 'veras password')],
    ['a name that is not known', () => basic('mallory', 'hunter2')],
    ['a token as a password', () => basic('a program', TOKENS.operator)],
    ['a wrong token', () => new Visitor(dashboard.url, { authorization: `Bearer ${randomToken()}` })],
    [
      'the hash of a token',
      () => new Visitor(dashboard.url, { authorization: `Bearer ${hashToken(TOKENS.operator)}` }),
    ],
    ['something else', () => new Visitor(dashboard.url, { authorization: 'Digest x' })],
    ['a forged session', () => new Visitor(dashboard.url, { cookie: 'log-courier-session=a.b.c' })],
  ])('never with %s', async (_, visitor) => {
    const response = await visitor().visit('/api/me');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="log-courier", charset="UTF-8"');
  });

  test('by the page to log in, which leads to where they wanted to go', async () => {
    const visitor = stranger();
    const turnedAway = await visitor.visit('/queues/queue/x?page=2', { headers: { accept: 'text/html' } });
    expect(turnedAway.status).toBe(303);
    const address = turnedAway.headers.get('location') ?? '';
    expect(address).toBe('/login?next=%2Fqueues%2Fqueue%2Fx%3Fpage%3D2');
    const page = await (await visitor.visit(address)).text();
    expect(page).toContain('name="next" value="/queues/queue/x?page=2"');
    expect(page).not.toMatch(/<script|style=/);
    expect(await statusOf(visitor, '/static/login.css')).toBe(200);
    const answer = await visitor.logIn('vera', 'veras password', '/queues/queue/x?page=2');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/queues/queue/x?page=2']);
    expect(answer.headers.get('set-cookie')).toMatch(/; Path=\/; .*HttpOnly; SameSite=Lax$/);
    expect(await visitor.me()).toMatchObject({ name: 'vera', role: 'viewer' });
  });

  test('not by the page with a wrong password, and nothing is shown as HTML that was typed', async () => {
    const answer = await stranger().logIn('<img src=x>"', 'nope', '"><script>');
    expect(answer.status).toBe(401);
    const page = await answer.text();
    expect(page).toContain('role="alert">User or password are wrong.');
    expect(page).toContain('value="&lt;img src=x&gt;&quot;"');
    expect(page).not.toMatch(/<script|<img|nope/);
  });

  test('not by a form that another site sends', async () => {
    const form = { name: 'vera', password: 'veras password' };
    const response = await stranger().visit('/login', {
      form,
      headers: { origin: 'https://evil.example.com' },
    });
    expect([response.status, response.headers.get('set-cookie')]).toEqual([403, null]);
  });

  test('to the log, without the password', async () => {
    await loggedIn('olga');
    expect(await ground.logged(({ event, by }) => event === 'login' && by === 'olga')).toMatchObject({
      how: 'password',
      address: '127.0.0.1',
    });
    await stranger().logIn('olga', 'not the password');
    await ground.logged(({ event }) => event === 'login refused');
    expect(JSON.stringify(ground.lines)).not.toMatch(/olgas password|not the password|hunter2/);
  });
});

describe('a session', () => {
  test('lets operators change what they have the token for', async () => {
    const olga = await loggedIn('olga');
    const { csrfToken } = await olga.me();
    const headers = { 'x-csrf-token': csrfToken, origin: dashboard.url, 'sec-fetch-site': 'same-origin' };
    expect(await statusOf(olga, '/queues/api/queues/delivery-things/pause', { method: 'PUT', headers })).toBe(
      200,
    );
    expect(await ground.queue.isPaused()).toBe(true);
    expect(
      await statusOf(olga, '/queues/api/queues/delivery-things/resume', { method: 'PUT', headers }),
    ).toBe(200);
  });

  test('has the token for the board in a cookie, as its pages send it', async () => {
    const olga = await loggedIn('olga');
    const page = await olga.visit('/queues/');
    expect(page.headers.get('set-cookie')).toMatch(/^XSRF-TOKEN=[\w-]+; Path=\/queues; SameSite=Strict$/);
    const headers = { 'x-xsrf-token': olga.cookie('XSRF-TOKEN') ?? '', origin: dashboard.url };
    expect(await statusOf(olga, '/queues/api/queues/delivery-things/pause', { method: 'PUT', headers })).toBe(
      200,
    );
    expect(
      await statusOf(olga, '/queues/api/queues/delivery-things/resume', { method: 'PUT', headers }),
    ).toBe(200);
  });

  test('ends by logging out, also for whoever has copied it', async () => {
    const vera = await loggedIn('vera');
    const thief = vera.copy();
    expect((await thief.me()).name).toBe('vera');
    const out = await vera.visit('/logout', { method: 'POST' });
    expect([out.status, out.headers.get('location')]).toEqual([303, '/login?out=1']);
    expect(await (await vera.visit('/login?out=1')).text()).toContain('You are logged out.');
    expect(vera.cookie(SESSION_COOKIE)).toBeUndefined();
    expect(await statusOf(thief, '/api/me')).toBe(401);
  });

  test('loses what its user loses: the role, the password, the place among the users', async () => {
    const olga = await loggedIn('olga');
    expect((await olga.me()).role).toBe('operator');
    writeUsers([{ name: 'olga', role: 'viewer', password: hashes.olga }]);
    expect((await olga.me()).role).toBe('viewer');
    const { csrfToken } = await olga.me();
    const headers = { 'x-csrf-token': csrfToken };
    expect(await statusOf(olga, '/queues/api/queues/pause', { method: 'PUT', headers })).toBe(403);
    writeUsers([{ name: 'olga', role: 'operator', password: hashes.vera }]);
    expect(await statusOf(olga, '/api/me')).toBe(401);
    writeUsers(everybody());
    expect(await statusOf(olga, '/api/me')).toBe(200);
    writeUsers([{ name: 'vera', role: 'viewer', password: hashes.vera }]);
    expect(await statusOf(olga, '/api/me')).toBe(401);
  });

  test('is known to every replica with the same secret, and to no other', async () => {
    const olga = await loggedIn('olga');
    const replica = await ground.start(settings());
    expect((await olga.copy(replica.url).me()).name).toBe('olga');
    expect((await olga.copy(replica.url).me()).csrfToken).toBe((await olga.me()).csrfToken);
    const another = await ground.start({ ...settings(), 'dashboard.session-secret': '' });
    expect(await statusOf(olga.copy(another.url), '/api/me')).toBe(401);
  });

  test('ends when its time is over', async () => {
    const brief = await ground.start({ ...settings(), 'dashboard.session-hours': '0.01' });
    const answer = await stranger(brief).logIn('vera', 'veras password');
    expect(answer.headers.get('set-cookie')).toContain('Max-Age=36;');
    const { sessionKey: key } = deriveSecrets(SECRET);
    const parts = { key, redis: ground.redis, keyPrefix: 'log-courier', log: silentLog() };
    const tokenFor = (seconds: number): Promise<string> =>
      new Sessions({ ...parts, seconds }).begin({ kind: 'oidc', name: 'otto', role: 'viewer' });
    const statusWith = async (token: string): Promise<number> =>
      statusOf(new Visitor(dashboard.url, { cookie: `${SESSION_COOKIE}=${token}` }), '/api/me');
    expect(await statusWith(await tokenFor(60))).toBe(200);
    expect(await statusWith(await tokenFor(-1))).toBe(401);
    expect(await statusWith(`${await tokenFor(60)}x`)).toBe(401);
  });

  test('tells nothing about passwords', async () => {
    const token = (await loggedIn('vera')).cookie(SESSION_COOKIE) ?? '';
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).toContain('"vera"');
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).not.toContain('scrypt');
  });
});

describe('wrong credentials', () => {
  test('make an address wait, at every replica, but not those who are in', async () => {
    const limited = { ...settings(), 'dashboard.failed-logins-per-minute': '3' };
    const [one, other] = [await ground.start(limited), await ground.start(limited)];
    const known = stranger(one);
    await known.logIn('vera', 'veras password');
    for (const visitor of [stranger(one), stranger(other), stranger(one)])
      expect((await visitor.logIn('olga', 'guess')).status).toBe(401);
    const answer = await stranger(other).logIn('olga', 'olgas password');
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.text()).toMatch(/Too many attempts\. Try again in \d+ s\./);
    for (const authorization of [`Basic ${Buffer.from('olga:guess').toString('base64')}`, 'Bearer guess']) {
      const refused = await new Visitor(one.url, { authorization }).visit('/api/me');
      expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
    }
    expect((await known.me()).name).toBe('vera');
    const token = new Visitor(one.url, { authorization: `Bearer ${TOKENS.viewer}` });
    expect((await token.me()).name).toBe('prometheus');
  });

  test('that come at the same time are counted before they are looked at', async () => {
    const limited = await ground.start({ ...settings(), 'dashboard.failed-logins-per-minute': '2' });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, guess) => stranger(limited).logIn('olga', `guess ${String(guess)}`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 429, 429, 429, 429, 429, 429]);
  });
});

describe('the trail of changes', () => {
  test('tells who changed what on the board, when, and what came of it', async () => {
    const before = new Date().toISOString();
    await bearer('operator').visit('/queues/api/queues/delivery-things/pause', { method: 'PUT' });
    await bearer('operator').visit('/queues/api/queues/delivery-things/none/retry', { method: 'PUT' });
    await bearer('operator').visit('/queues/api/queues/delivery-things/resume', { method: 'PUT' });
    expect(
      await ground.logged(
        ({ event, about }) => event === 'change' && about === 'job none of queue delivery-things',
      ),
    ).toMatchObject({ by: 'a program', action: 'board: retry', outcome: 'failed: Not Found' });
    const changes: unknown = await (await bearer('viewer').visit('/api/changes?limit=3')).json();
    expect(changes).toEqual([
      {
        at: expect.any(String),
        by: 'a program',
        action: 'board: resume',
        about: 'queue delivery-things',
        outcome: 'done',
      },
      expect.objectContaining({ action: 'board: retry', outcome: 'failed: Not Found' }),
      expect.objectContaining({ action: 'board: pause', outcome: 'done' }),
    ]);
    const [{ at } = { at: '' }] = Array.isArray(changes) ? changes : [];
    expect(at >= before).toBe(true);
  });

  test.each(['0', '1001', 'x', '1.5'])('answers no limit of %s', async (limit) => {
    expect(await statusOf(bearer('viewer'), `/api/changes?limit=${limit}`)).toBe(400);
  });
});
