import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isCrossSite, isFromBrowser, mayChange } from '../../src/dashboard/access/cross-site.js';
import { nextPage } from '../../src/dashboard/access/next-page.js';

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

  test('not with the origin that users know the dashboard by, whatever a proxy makes of the host', () => {
    const headers = { host: '10.0.0.1:8080', origin: 'https://ops.example.com' };
    expect(isCrossSite(headers, [headers.host, 'ops.example.com'])).toBe(false);
    expect(isCrossSite(headers, [headers.host, undefined])).toBe(true);
  });
});

describe('a browser', () => {
  test.each([
    ['a program', {}, false],
    ['a browser of today', { 'sec-fetch-site': 'same-origin' }, true],
    ['an old browser that changes something', { origin: 'http://127.0.0.1:8080' }, true],
  ])('is told from the headers of %s', (_, headers, expected) => {
    expect(isFromBrowser(headers)).toBe(expected);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'post'])(
    'may change something by %s',
    (method) => {
      expect(mayChange(method)).toBe(true);
    },
  );

  test.each(['GET', 'HEAD', 'OPTIONS'])('changes nothing by %s', (method) => {
    expect(mayChange(method)).toBe(false);
  });
});

describe('after logging in', () => {
  test.each([
    ['/source?pipeline=a&source=b', '/courier/source?pipeline=a&source=b'],
    ['/', '/courier/'],
    ['', '/courier/'],
    [undefined, '/courier/'],
    [['/a', '/b'], '/courier/'],
    ['https://evil.example.com/', '/courier/'],
    ['//evil.example.com/', '/courier/'],
    ['/\\evil.example.com/', '/courier/'],
    ['\\\\evil.example.com/', '/courier/'],
    ['/.//evil.example.com/', '/courier/'],
    ['/\t/evil.example.com/', '/courier/'],
    ['javascript:alert(1)', '/courier/'],
    ['/login?next=/login', '/courier/'],
    ['/a/../../..//evil.example.com', '/courier/'],
    ['/queues/../queues/', '/courier/queues/'],
    [`/${'x'.repeat(2000)}`, '/courier/'],
  ])('%j leads to %s', (wanted, expected) => {
    expect(nextPage(wanted, '/courier')).toBe(expected);
  });

  test('no address leads to another site', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string({ unit: fc.constantFrom('/', '\\', '.', 'a', ':', '@', '\t', '?') }),
        ),
        (wanted) => {
          const { origin } = new URL(nextPage(wanted, ''), 'https://courier.example.com');
          expect(origin).toBe('https://courier.example.com');
        },
      ),
    );
  });
});
