import type { ListedRoute } from '../../src/dashboard/route.js';
import type { Random } from '../chaos/random.js';
import { VALUES } from './hostile-texts.js';

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
    () =>
      `${random.pick(['GET', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'])} ${path} HTTP/1.1\r\n${host}Content-Length: 7\r\n\r\n{"a":1}`,
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50) + 'x\r\n\r\n',
    () => Array.from({ length: 200 }, () => String.fromCharCode(random.integer(0, 255))).join(''),
    () => '',
  ];
  return Buffer.from(random.pick(made)(), 'latin1');
}
