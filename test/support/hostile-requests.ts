import type { ListedRoute } from '../../src/dashboard/route.js';
import type { Random } from '../chaos/random.js';

/** What no page may ever contain as it is: it would be a tag. */
export const MARK = '<img src=x onerror=fuzz()>';
/** What no answer may ever have: it would mean that a line break got through. */
export const INJECTED_HEADER = 'x-injected';

/** A request that follows the rules of HTTP, whatever it says. */
export interface HostileRequest {
  readonly method: string;
  /** As it stands in the first line of the request. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

type Texts = readonly [string, ...string[]];

const VALUES: Texts = [
  ...([
    MARK,
    `"'>${MARK}`,
    `javascript:fuzz()//${MARK}`,
    `\r\n${INJECTED_HEADER}: 1`,
    `%0d%0a${INJECTED_HEADER}:%201`,
  ] as const),
  ...[
    '',
    ' ',
    '.',
    '..',
    '...',
    '../../../../etc/passwd',
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e%2f',
    '..\\..\\',
    '%00',
  ],
  ...[
    '\0',
    '%',
    '%zz',
    '%E0%A4%A',
    '%c0%af',
    '%252e%252e',
    '//evil.example.com',
    '/\\evil.example.com',
    'http://[::1',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'null',
    'undefined',
    'NaN',
    'true',
    '[object Object]',
  ],
  ...[
    '0',
    '-1',
    '1e309',
    '9007199254740993',
    '1.5',
    '0x10',
    '٣',
    `'; DROP TABLE logs; --`,
    '" OR 1=1',
    '{{7*7}}',
    '${7*7}',
    '<%= 7 %>',
  ],
  ...[
    '$ne',
    '*',
    '?',
    '#',
    ';',
    ':',
    '::',
    '&&',
    'a&b=c',
    '[]',
    '{}',
    '\u202e',
    '\u2028',
    '\ufeff',
    '\ud800',
    '😀',
    'é',
    '日本',
    'x'.repeat(3000),
  ],
  ...['delivery-things', 'failed', 'order-1', 'access-logs', 'discovery', 'delivery', 'hour', 'asc'],
];

const NAMES: Texts = [
  ...[
    'pipeline',
    'source',
    'order',
    'group',
    'search',
    'state',
    'sort',
    'direction',
    'page',
    'pageSize',
    'span',
    'index',
  ],
  ...[
    'next',
    'code',
    'limit',
    'error',
    'iss',
    'activeQueue',
    'status',
    'name',
    'password',
    'reason',
    'what',
    'all',
    'by',
  ],
  ...['__proto__', 'constructor', '__proto__[x]', 'a[b][c]', 'toString', '', MARK],
];

const METHODS: Texts = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PROPFIND',
  'TRACE',
  'QUERY',
];

const CONTENT_TYPES: Texts = [
  ...[
    'application/json',
    'application/json',
    'application/json; charset=utf-7',
    'application/x-www-form-urlencoded',
  ],
  ...[
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/xml',
    '/',
    'application/json;;;',
    'x'.repeat(500),
  ],
];

const HEADER_NAMES: Texts = [
  ...[
    'host',
    'origin',
    'referer',
    'cookie',
    'authorization',
    'accept',
    'accept-language',
    'accept-encoding',
    'range',
  ],
  ...[
    'if-none-match',
    'if-modified-since',
    'content-encoding',
    'expect',
    'x-csrf-token',
    'x-xsrf-token',
    'sec-fetch-site',
  ],
  ...[
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-http-method-override',
    'x-original-url',
    'te',
    'via',
  ],
];

const HEADER_VALUES: Texts = [
  ...[
    '',
    MARK,
    'gzip',
    'br',
    'identity',
    'same-origin',
    'cross-site',
    'null',
    'https://evil.example.com',
    'bytes=0-1,-5,999-',
    '*',
  ],
  ...[
    'Basic',
    'Basic !!!',
    'Basic Og==',
    'Bearer',
    'Bearer x',
    'Digest a="b"',
    'text/html',
    'text/html,*/*;q=0.8',
    '127.0.0.1',
    '[::1]:80',
  ],
  ...[
    'log-courier-session=x',
    'log-courier-session=a.b.c; log-courier-login=a.b.c.d.e',
    'XSRF-TOKEN=%zz',
    ';;;===;;',
    'a=b; '.repeat(200),
  ],
  ...[
    'evil.example.com',
    '1'.repeat(2000),
    'Thu, 99 Foo 2026',
    'W/"x"',
    '::',
    '999.999.999.999',
    '../..',
    'a\tb',
  ],
];

/** Makes one hostile request at a dashboard with these routes. */
export function hostileRequest(
  random: Random,
  routes: readonly ListedRoute[],
  credentials: Texts,
): HostileRequest {
  const [first, ...others] = routes;
  if (first === undefined) throw new Error('there is no route');
  const route = random.pick([first, ...others]);
  const method = random.chance(0.7) ? route.method.toUpperCase() : random.pick(METHODS);
  const hasBody = !['GET', 'HEAD', 'TRACE'].includes(method) || random.chance(0.1);
  const body = hasBody ? bodyOf(random) : undefined;
  const headers: Record<string, string> = {};
  // Most come in, or there would be little to be wrong about.
  if (random.chance(0.85)) headers['authorization'] = random.pick(credentials);
  if (body !== undefined)
    headers['content-type'] = random.chance(0.6) ? CONTENT_TYPES[0] : random.pick(CONTENT_TYPES);
  for (let more = random.integer(0, 3); more > 0 && random.chance(0.5); more -= 1)
    headers[random.pick(HEADER_NAMES)] = asHeader(
      random.chance(0.5) ? random.pick(HEADER_VALUES) : random.pick(VALUES),
    );
  // Waiting for a word that never comes is not what is tested here.
  delete headers['expect'];
  return { method, path: pathOf(random, route), headers, body };
}

/** Makes the bytes of a request that breaks HTTP itself. */
export function brokenHttp(random: Random, routes: readonly ListedRoute[]): Buffer {
  const path = routes[random.integer(0, routes.length - 1)]?.path ?? '/';
  const host = 'Host: 127.0.0.1\r\n';
  const made: readonly [() => string, ...(() => string)[]] = [
    () => `GET ${path} HTTP/1.1\r\n${host}X: ${'x'.repeat(random.integer(17_000, 80_000))}\r\n\r\n`,
    () => `GET ${path}${'a'.repeat(random.integer(17_000, 80_000))} HTTP/1.1\r\n${host}\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${'A: b\r\n'.repeat(3000)}\r\n`,
    () => `GET ${path} HTTP/${random.pick(['0.9', '1.0', '2.0', '9.9', 'x'])}\r\n\r\n`,
    () => `GET ${path}\r\n\r\n`,
    () => `GET  ${path}  HTTP/1.1\r\n${host}\r\n`,
    () => `GET ${random.pick(VALUES)} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    () => `GET http://evil.example.com${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    () => `GET //[ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    () => `CONNECT ${path} HTTP/1.1\r\n${host}\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    () => `POST ${path} HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`,
    () => `POST ${path} HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    () => `POST ${path} HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    () => `POST ${path} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n`,
    () =>
      `POST ${path} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\n{\r\n0\r\n\r\n`,
    () => `POST ${path} HTTP/1.1\r\n${host}Content-Length: 99\r\n\r\n{"a"`,
    () => `GET ${path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${host}Bad Header: x\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${host}X: a\rb\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${host}X: \0\x01\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n Folded: x\r\n\r\n`,
    () => `${'\r\n'.repeat(50)}GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03`,
    () => `GET ${path} HTTP/1.1\r\n${host}\r\nGET / HTTP/1.1 {"a body": "that was not announced"}`,
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50) + 'x\r\n\r\n',
    () => Array.from({ length: 200 }, () => String.fromCharCode(random.integer(0, 255))).join(''),
    () => '',
  ];
  return Buffer.from(random.pick(made)(), 'latin1');
}

function pathOf(random: Random, { path }: ListedRoute): string {
  if (random.chance(0.1))
    return asPath(`/${random.pick(VALUES)}${random.chance(0.5) ? `/${random.pick(VALUES)}` : ''}`);
  const filled = path.replaceAll(/:\w+/g, () => {
    const value = random.pick(VALUES);
    return random.chance(0.8) ? encoded(value) : value;
  });
  const twisted = random.chance(0.1) ? twist(random, filled) : filled;
  const pairs = Array.from({ length: random.chance(0.7) ? random.integer(1, 4) : 0 }, () => {
    const [name, value] = [random.pick(NAMES), random.pick(VALUES)];
    return random.chance(0.85) ? `${encoded(name)}=${encoded(value)}` : `${name}=${value}`;
  });
  return asPath(pairs.length === 0 ? twisted : `${twisted}?${pairs.join('&')}`);
}

function twist(random: Random, path: string): string {
  const ways: readonly [() => string, ...(() => string)[]] = [
    () => path.replaceAll('/', '//'),
    () => path.replaceAll('/', '%2f'),
    () => `/..${path}`,
    () => `${path}/..`,
    () => `${path}/.`,
    () => `${path}/`,
    () => `${path};x=1`,
    () => path.toUpperCase(),
    () => `${path}%00`,
    () => `${path}%20`,
    () => path.replaceAll('/', '\\'),
    () => `/.${path}`,
  ];
  return random.pick(ways)();
}

function bodyOf(random: Random): Buffer {
  const json = (value: unknown): string => JSON.stringify(value);
  const ways: readonly [() => string | Buffer, ...(() => string | Buffer)[]] = [
    () =>
      json(
        Object.fromEntries(
          Array.from({ length: random.integer(1, 6) }, () => [random.pick(NAMES), valueOf(random)]),
        ),
      ),
    () => json({ pipeline: random.pick(VALUES), group: random.pick(VALUES), reason: random.pick(VALUES) }),
    () =>
      json({
        name: random.pick(VALUES),
        data: { [random.pick(NAMES)]: valueOf(random) },
        options: { jobId: random.pick(VALUES) },
      }),
    () => '{"__proto__": {"role": "operator"}, "constructor": {"prototype": {"x": 1}}}',
    () =>
      random.pick([
        '',
        '{',
        '{"a":',
        'nul',
        '"',
        '[1,',
        '{"a":1}}',
        "{'a':1}",
        '\ufeff{}',
        'undefined',
        '{"a":1,"a":2}',
      ]),
    () => '['.repeat(random.integer(100, 20_000)),
    () => `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    () => json(valueOf(random)),
    () =>
      `name=${encoded(random.pick(VALUES))}&password=${encoded(random.pick(VALUES))}&next=${encoded(random.pick(VALUES))}`,
    () => `${'a=1&'.repeat(2000)}`,
    () => json('x'.repeat(random.integer(60_000, 300_000))),
    () => Buffer.from(Array.from({ length: random.integer(1, 300) }, () => random.integer(0, 255))),
  ];
  return Buffer.from(random.pick(ways)());
}

function valueOf(random: Random): unknown {
  const scalars = [null, true, 0, -1, 1e308, 1.5, '', [], {}, [[[]]], { a: { b: {} } }] as const;
  return random.chance(0.5) ? random.pick(VALUES) : scalars[random.integer(0, scalars.length - 1)];
}

function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

/** What Node.js lets stand in the first line of a request. */
function asPath(text: string): string {
  return text.replaceAll(/[^\x21-\xff]/g, (character) => encoded(character)).slice(0, 8000);
}

/** What Node.js lets stand in a header. */
function asHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?');
}
