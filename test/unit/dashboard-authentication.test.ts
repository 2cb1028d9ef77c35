import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judge } from '../../src/dashboard/access/authentication.js';
import { isCrossSite } from '../../src/dashboard/access/cross-site.js';

const OPERATOR = { username: 'operator', password: 'päss:word' };
const NOBODY = { username: '', password: '' };

function basic(userPass: string): string {
  return `Basic ${Buffer.from(userPass, 'utf8').toString('base64')}`;
}

describe('a dashboard with credentials', () => {
  test.each([
    ['the right ones', basic('operator:päss:word'), 'allowed'],
    ['the scheme in small letters', basic('operator:päss:word').replace('Basic', 'basic'), 'allowed'],
    ['no header', undefined, 'unauthorized'],
    ['an empty header', '', 'unauthorized'],
    ['the scheme alone', 'Basic', 'unauthorized'],
    ['a wrong password', basic('operator:password'), 'unauthorized'],
    ['a wrong user', basic('admin:päss:word'), 'unauthorized'],
    ['the user alone', basic('operator'), 'unauthorized'],
    ['the right ones and more', basic('operator:päss:word '), 'unauthorized'],
    ['another scheme', basic('operator:päss:word').replace('Basic', 'Bearer'), 'unauthorized'],
    ['no base64', 'Basic operator:päss:word', 'unauthorized'],
  ])('judges a request with %s', (_, authorization, verdict) => {
    const headers = authorization === undefined ? {} : { authorization };
    expect(judge(headers, OPERATOR)).toBe(verdict);
  });

  test('takes them by whatever name it is reached', () => {
    const authorization = basic('operator:päss:word');
    expect(judge({ authorization, host: 'courier.example.com' }, OPERATOR)).toBe('allowed');
  });

  test('lets whoever knows them in, and no one else', () => {
    const password = fc.string({ minLength: 1, unit: 'binary' });
    const username = password.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(username, password, fc.string(), (user, pass, guess) => {
        const credentials = { username: user, password: pass };
        expect(judge({ authorization: basic(`${user}:${pass}`) }, credentials)).toBe('allowed');
        expect(judge({ authorization: guess }, credentials)).toBe('unauthorized');
        if (guess !== pass)
          expect(judge({ authorization: basic(`${user}:${guess}`) }, credentials)).toBe('unauthorized');
      }),
    );
  });
});

describe('a dashboard without credentials', () => {
  test.each(['127.0.0.1:8080', 'localhost:8080', 'LOCALHOST', '[::1]:8080', '[::1]', '127.1.2.3'])(
    'answers to this machine as %s',
    (host) => {
      expect(judge({ host }, NOBODY)).toBe('allowed');
    },
  );

  test.each([
    'evil.example.com',
    'localhost.evil.com:8080',
    '127.0.0.1.evil.com',
    '10.0.0.1:8080',
    '',
    ':80',
  ])('answers to no other name, such as %j, which a web site could point at it', (host) => {
    expect(judge({ host }, NOBODY)).toBe('wrong-host');
  });
});

describe('a request is cross-site', () => {
  const host = 'courier.example.com:8080';
  test.each([
    ['never from a program, which sends neither header', {}, false],
    ['not from the dashboard’s own page', { 'sec-fetch-site': 'same-origin' }, false],
    ['not when typed by the operator', { 'sec-fetch-site': 'none' }, false],
    ['from another site', { 'sec-fetch-site': 'cross-site' }, true],
    ['from another host of the same site', { 'sec-fetch-site': 'same-site' }, true],
    ['with a word that is not known', { 'sec-fetch-site': 'nearby' }, true],
    ['not with the own origin', { origin: `http://${host}` }, false],
    ['not with the own origin behind a TLS proxy', { origin: `https://${host}` }, false],
    ['with the origin of another host', { origin: 'http://evil.example.com:8080' }, true],
    ['with the origin of another port', { origin: 'http://courier.example.com:8081' }, true],
    ['with a hidden origin', { origin: 'null' }, true],
    ['with an origin that is none', { origin: host }, true],
    [
      'when one of both says so',
      { 'sec-fetch-site': 'same-origin', origin: 'http://evil.example.com' },
      true,
    ],
  ])('%s', (_, headers, expected) => {
    expect(isCrossSite({ host, ...headers })).toBe(expected);
  });
});
