import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { prepareDashboards, type DashboardGround } from '../support/dashboard.js';
import { Visitor } from '../support/visitor.js';

const USER = { 'dashboard.username': 'root', 'dashboard.password': 'hunter2' };

let ground: DashboardGround;
beforeAll(async () => {
  ground = await prepareDashboards();
});
afterAll(() => ground.close());

describe('behind a proxy that shows it at a base path', () => {
  const settings = { ...USER, 'dashboard.base-path': '/log-courier/' };

  test.each([
    ['passes the path on as it is', '/log-courier'],
    ['takes the base path off', ''],
  ])('which %s, everything is there, and leads below it', async (_, prefix) => {
    const { url } = await ground.start(settings);
    const visitor = new Visitor(`${url}${prefix}`);
    const page = await (await visitor.visit('/login')).text();
    expect(page).toContain('action="/log-courier/login"');
    expect(page).toContain('href="/log-courier/static/login.css"');
    expect((await visitor.visit('/static/login.css')).status).toBe(200);
    const answer = await visitor.logIn('root', 'hunter2', '/queues/');
    expect(answer.headers.get('location')).toBe('/log-courier/queues/');
    expect(answer.headers.get('set-cookie')).toContain('; Path=/log-courier;');
    const board = await visitor.visit('/queues/');
    expect(board.headers.get('set-cookie')).toContain('; Path=/log-courier/queues;');
    const html = await board.text();
    expect(html).toContain('<base href="/log-courier/queues/"');
    for (const [, path] of html.matchAll(/(?:href|src)="(static\/[^"]+)"/g))
      expect((await visitor.visit(`/queues/${path ?? ''}`)).status).toBe(200);
    expect((await visitor.visit('/queues/api/queues')).status).toBe(200);
    const { csrfToken } = await visitor.me();
    const change = { method: 'PUT', headers: { 'x-xsrf-token': csrfToken } };
    expect((await visitor.visit('/queues/api/queues/resume', change)).status).toBe(200);
    const turnedAway = await new Visitor(`${url}${prefix}`).visit('/queues/', {
      headers: { accept: 'text/html' },
    });
    expect(turnedAway.headers.get('location')).toBe('/log-courier/login?next=%2Fqueues%2F');
    expect((await visitor.visit('/healthz')).status).toBe(200);
  });

  test('leads from the base path without a slash to the one with it', async () => {
    const { url } = await ground.start(settings);
    const answer = await new Visitor(url).visit('/log-courier');
    expect([answer.status, answer.headers.get('location')]).toEqual([308, '/log-courier/']);
  });
});

describe('what a proxy says of the request', () => {
  const forwarded = {
    'x-forwarded-for': '192.0.2.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'ops.example.com',
  };

  test('is believed when the settings trust it', async () => {
    const { url } = await ground.start({ ...USER, 'dashboard.trusted-proxies': '10.0.0.0/8, loopback' });
    const visitor = new Visitor(url, { ...forwarded, origin: 'https://ops.example.com' });
    const answer = await visitor.logIn('root', 'hunter2');
    expect(answer.status).toBe(303);
    expect(answer.headers.get('set-cookie')).toContain('; Secure');
    expect(answer.headers.get('strict-transport-security')).toBe('max-age=31536000');
    await ground.logged(({ event, address }) => event === 'login' && address === '192.0.2.7');
  });

  test('is not believed otherwise: neither address, nor TLS, nor host', async () => {
    const { url } = await ground.start(USER);
    const visitor = new Visitor(url, forwarded);
    const forged = { origin: 'https://ops.example.com' };
    expect(
      (await visitor.visit('/login', { headers: forged, form: { name: 'root', password: 'x' } })).status,
    ).toBe(403);
    const answer = await visitor.logIn('root', 'hunter2');
    expect(answer.headers.get('set-cookie')).not.toContain('Secure');
    expect(answer.headers.has('strict-transport-security')).toBe(false);
    await ground.logged(({ event, address }) => event === 'login' && address === '127.0.0.1');
  });

  test('matters less with a public URL: its pages may change things whatever the host is', async () => {
    const { url } = await ground.start({ ...USER, 'dashboard.public-url': 'https://ops.example.com' });
    const visitor = new Visitor(url, { origin: 'https://ops.example.com' });
    expect((await visitor.logIn('root', 'hunter2')).status).toBe(303);
  });
});

describe('with a certificate', () => {
  const certificate = (name: string): { readonly cert: string; readonly key: string } => {
    const [cert, key] = [join(ground.dir, `${name}.crt`), join(ground.dir, `${name}.key`)];
    const words = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
    ];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync('openssl', [...words, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    return { cert, key };
  };

  async function ask(
    url: string,
    options: RequestOptions,
  ): Promise<{ response: IncomingMessage; holder: string }> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent: false, ...options }, resolve).once('error', reject);
    });
    if (!(response.socket instanceof TLSSocket)) throw new Error('no TLS');
    const holder = response.socket.getPeerCertificate().subject.CN;
    response.resume();
    return { response, holder: String(holder) };
  }

  test('it speaks TLS, says so to browsers, and takes a new certificate when there is one', async () => {
    const [first, second] = [certificate('first'), certificate('second')];
    const ca = [readFileSync(first.cert), readFileSync(second.cert)];
    const { url } = await ground.start({
      ...USER,
      'dashboard.tls-cert-file': first.cert,
      'dashboard.tls-key-file': first.key,
    });
    expect(url).toMatch(/^https:/);
    const { response, holder } = await ask(`${url}/login`, { ca });
    expect([response.statusCode, holder]).toEqual([200, 'first']);
    expect(response.headers['strict-transport-security']).toBe('max-age=31536000');
    renameSync(second.cert, first.cert);
    renameSync(second.key, first.key);
    await ground.logged(({ msg }) => msg === 'the certificate of the dashboard was read again');
    expect((await ask(`${url}/login`, { ca })).holder).toBe('second');
  });

  test('that cannot be used it does not start', async () => {
    const { cert, key } = certificate('third');
    const other = certificate('fourth');
    for (const [certFile, keyFile] of [
      [cert, other.key],
      [join(ground.dir, 'none'), key],
    ] as const) {
      await expect(
        ground.start({ ...USER, 'dashboard.tls-cert-file': certFile, 'dashboard.tls-key-file': keyFile }),
      ).rejects.toThrow(/^dashboard\.tls-cert-file and dashboard\.tls-key-file: .* cannot be used/);
    }
  });
});

describe('headers', () => {
  test('of our own pages allow nothing inline and nothing of others', async () => {
    const { url } = await ground.start(USER);
    const { headers } = await new Visitor(url).visit('/login');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;font-src 'self';connect-src 'self';object-src 'none';base-uri 'none';form-action 'self';frame-ancestors 'none'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  test('of the board allow inline styles, and no inline script', async () => {
    const { url } = await ground.start();
    const { headers } = await new Visitor(url).visit('/queues/');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("style-src 'self' 'unsafe-inline'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).toContain("default-src 'self'");
  });
});
