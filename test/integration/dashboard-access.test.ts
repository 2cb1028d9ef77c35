import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { hashToken, randomToken } from '../../src/dashboard/access/token.js';
import type { Dashboard } from '../../src/dashboard/server.js';
import { prepareDashboards, type DashboardGround } from '../support/dashboard.js';
import { basic, DashboardUsers, statusOf } from '../support/dashboard-users.js';
import { Visitor } from '../support/visitor.js';

let ground: DashboardGround;
let users: DashboardUsers;
let dashboard: Dashboard;

beforeAll(async () => {
  ground = await prepareDashboards();
  users = await DashboardUsers.prepare(ground);
  dashboard = await ground.start(users.settings);
});
afterAll(() => ground.close());
beforeEach(() => users.reset());

const stranger = (base = dashboard): Visitor => new Visitor(base.url);

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
      expect([path, await statusOf(users.bearer(dashboard, 'viewer'), path, { method, json: {} })]).toEqual([
        path,
        403,
      ]);
    }
    expect(await ground.queue.isPaused()).toBe(false);
  });

  test('that changes nothing lets viewers in, unless it says otherwise', async () => {
    for (const { method, path, role } of addresses(false).filter((one) => one.role !== 'anyone'))
      expect([path, (await statusOf(users.bearer(dashboard, 'viewer'), path, { method })) === 403]).toEqual([
        path,
        role === 'operator',
      ]);
  });

  test('that changes something refuses what another site sends, whoever is logged in', async () => {
    const visitors = [
      await users.loggedIn(dashboard, 'olga'),
      basic(dashboard, 'olga', 'olgas password'),
      users.bearer(dashboard, 'operator'),
    ];
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
    const [olga, other] = [await users.loggedIn(dashboard, 'olga'), await users.loggedIn(dashboard, 'olga')];
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
    const response = await users.bearer(dashboard, 'operator').visit('/api/me', { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
    expect(await statusOf(users.bearer(dashboard, 'operator'), '/nothing')).toBe(404);
  });
});

describe('somebody comes in', () => {
  test.each([
    ['with the password of the settings', () => basic(dashboard, 'root', 'hunter2'), 'root', 'operator'],
    ['with a password of the file', () => basic(dashboard, 'vera', 'veras password'), 'vera', 'viewer'],
    ['with a token', () => users.bearer(dashboard, 'viewer'), 'prometheus', 'viewer'],
    ['with another token', () => users.bearer(dashboard, 'operator'), 'a program', 'operator'],
  ])('%s', async (_, visitor, name, role) => {
    expect(await visitor().me()).toMatchObject({ name, role });
  });

  test.each([
    ['a wrong password', () => basic(dashboard, 'olga', 'veras password')],
    ['a name that is not known', () => basic(dashboard, 'mallory', 'hunter2')],
    ['a token as a password', () => basic(dashboard, 'a program', users.tokens.operator)],
    ['a wrong token', () => new Visitor(dashboard.url, { authorization: `Bearer ${randomToken()}` })],
    [
      'the hash of a token',
      () => new Visitor(dashboard.url, { authorization: `Bearer ${hashToken(users.tokens.operator)}` }),
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
    await users.loggedIn(dashboard, 'olga');
    expect(await ground.logged(({ event, by }) => event === 'login' && by === 'olga')).toMatchObject({
      how: 'password',
      address: '127.0.0.1',
    });
    await stranger().logIn('olga', 'not the password');
    await ground.logged(({ event }) => event === 'login refused');
    expect(JSON.stringify(ground.lines)).not.toMatch(/olgas password|not the password|hunter2/);
  });
});
