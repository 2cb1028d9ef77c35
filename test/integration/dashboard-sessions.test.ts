import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { deriveSecrets } from '../../src/dashboard/access/secrets.js';
import { SESSION_COOKIE } from '../../src/dashboard/access/session-cookie.js';
import { Sessions } from '../../src/dashboard/access/sessions.js';
import type { Dashboard } from '../../src/dashboard/server.js';
import { silentLog } from '../../src/observability/log.js';
import { prepareDashboards, type DashboardGround } from '../support/dashboard.js';
import { DashboardUsers, SECRET, statusOf } from '../support/dashboard-users.js';
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

describe('a session', () => {
  test('lets operators change what they have the token for', async () => {
    const olga = await users.loggedIn(dashboard, 'olga');
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
    const olga = await users.loggedIn(dashboard, 'olga');
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
    const vera = await users.loggedIn(dashboard, 'vera');
    const thief = vera.copy();
    expect((await thief.me()).name).toBe('vera');
    const out = await vera.visit('/logout', { method: 'POST' });
    expect([out.status, out.headers.get('location')]).toEqual([303, '/login?out=1']);
    expect(await (await vera.visit('/login?out=1')).text()).toContain('You are logged out.');
    expect(vera.cookie(SESSION_COOKIE)).toBeUndefined();
    expect(await statusOf(thief, '/api/me')).toBe(401);
  });

  test('loses what its user loses: the role, the password, the place among the users', async () => {
    const olga = await users.loggedIn(dashboard, 'olga');
    expect((await olga.me()).role).toBe('operator');
    users.write([{ name: 'olga', role: 'viewer', password: users.hashes.olga }]);
    expect((await olga.me()).role).toBe('viewer');
    const { csrfToken } = await olga.me();
    const headers = { 'x-csrf-token': csrfToken };
    expect(await statusOf(olga, '/queues/api/queues/pause', { method: 'PUT', headers })).toBe(403);
    users.write([{ name: 'olga', role: 'operator', password: users.hashes.vera }]);
    expect(await statusOf(olga, '/api/me')).toBe(401);
    await users.reset();
    expect(await statusOf(olga, '/api/me')).toBe(200);
    users.write([{ name: 'vera', role: 'viewer', password: users.hashes.vera }]);
    expect(await statusOf(olga, '/api/me')).toBe(401);
  });

  test('is known to every replica with the same secret, and to no other', async () => {
    const olga = await users.loggedIn(dashboard, 'olga');
    const replica = await ground.start(users.settings);
    expect((await olga.copy(replica.url).me()).name).toBe('olga');
    expect((await olga.copy(replica.url).me()).csrfToken).toBe((await olga.me()).csrfToken);
    const another = await ground.start({ ...users.settings, 'dashboard.session-secret': '' });
    expect(await statusOf(olga.copy(another.url), '/api/me')).toBe(401);
  });

  test('ends when its time is over', async () => {
    const brief = await ground.start({ ...users.settings, 'dashboard.session-hours': '0.01' });
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
    const token = (await users.loggedIn(dashboard, 'vera')).cookie(SESSION_COOKIE) ?? '';
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).toContain('"vera"');
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).not.toContain('scrypt');
  });
});

describe('wrong credentials', () => {
  test('make an address wait, at every replica, but not those who are in', async () => {
    const limited = { ...users.settings, 'dashboard.failed-logins-per-minute': '3' };
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
    const token = new Visitor(one.url, { authorization: `Bearer ${users.tokens.viewer}` });
    expect((await token.me()).name).toBe('prometheus');
  });

  test('that come at the same time are counted before they are looked at', async () => {
    const limited = await ground.start({ ...users.settings, 'dashboard.failed-logins-per-minute': '2' });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, guess) => stranger(limited).logIn('olga', `guess ${String(guess)}`)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 429, 429, 429, 429, 429, 429]);
  });
});

describe('the trail of changes', () => {
  test('tells who changed what on the board, when, and what came of it', async () => {
    const before = new Date().toISOString();
    await users
      .bearer(dashboard, 'operator')
      .visit('/queues/api/queues/delivery-things/pause', { method: 'PUT' });
    await users
      .bearer(dashboard, 'operator')
      .visit('/queues/api/queues/delivery-things/none/retry', { method: 'PUT' });
    await users
      .bearer(dashboard, 'operator')
      .visit('/queues/api/queues/delivery-things/resume', { method: 'PUT' });
    expect(
      await ground.logged(
        ({ event, about }) => event === 'change' && about === 'job none of queue delivery-things',
      ),
    ).toMatchObject({ by: 'a program', action: 'board: retry', outcome: 'failed: Not Found' });
    const changes: unknown = await (
      await users.bearer(dashboard, 'viewer').visit('/api/changes?limit=3')
    ).json();
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
    const [{ at } = { at: '' }] = z.array(z.object({ at: z.string() })).parse(changes);
    expect(at >= before).toBe(true);
  });

  test.each(['0', '1001', 'x', '1.5'])('answers no limit of %s', async (limit) => {
    expect(await statusOf(users.bearer(dashboard, 'viewer'), `/api/changes?limit=${limit}`)).toBe(400);
  });
});

describe('while Redis is away', () => {
  test('users come in and out, wrong credentials are counted, and changes are in the log', async () => {
    const away = new Redis({
      port: 1,
      host: '127.0.0.1',
      maxRetriesPerRequest: null,
      retryStrategy: () => 60_000,
    });
    away.on('error', () => undefined);
    const settings = { ...users.settings, 'dashboard.failed-logins-per-minute': '2' } as const;
    const alone = await ground.start(settings, { redis: away });
    const vera = await users.loggedIn(alone, 'vera');
    expect((await vera.me()).name).toBe('vera');
    const guesses = [
      await stranger(alone).logIn('olga', 'guess'),
      await stranger(alone).logIn('olga', 'guess'),
    ];
    expect(guesses.map(({ status }) => status)).toEqual([401, 401]);
    expect((await stranger(alone).logIn('olga', 'guess')).status).toBe(429);
    expect((await vera.visit('/logout', { method: 'POST' })).status).toBe(303);
    const changes = await users.bearer(alone, 'viewer').visit('/api/changes');
    expect([changes.status, await changes.json()]).toEqual([
      503,
      { error: 'something that the answer needs is away; try again later' },
    ]);
    await users
      .bearer(alone, 'operator')
      .visit('/queues/api/queues/delivery-things/resume', { method: 'PUT' });
    await ground.logged(({ msg }) => msg === 'Redis has not taken a change yet; the log has it');
    away.disconnect();
  });
});
