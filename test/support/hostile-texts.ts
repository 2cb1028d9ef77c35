/** What no page may ever contain as it is: it would be a tag. */
export const MARK = '<img src=x onerror=fuzz()>';
/** What no answer may ever have: it would mean that a line break got through. */
export const INJECTED_HEADER = 'x-injected';

/** At least one text. */
export type Texts = readonly [string, ...string[]];

/** What breaks paths, queries, headers, JSON, HTML and whatever reads them. */
export const VALUES: Texts = [
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

/** Names of parameters and fields: those that are read somewhere, and those that trick objects. */
export const NAMES: Texts = [
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

/** Methods, the usual ones more often. */
export const METHODS: Texts = [
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

/** What bodies claim to be; the first is what is read. */
export const CONTENT_TYPES: Texts = [
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

/** Headers that are read somewhere. */
export const HEADER_NAMES: Texts = [
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

/** What these headers should not hold. */
export const HEADER_VALUES: Texts = [
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
