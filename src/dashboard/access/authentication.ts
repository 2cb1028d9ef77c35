import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { isLoopback } from '../../config/together.js';

/** User and password of the dashboard; both are empty when it has none. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What is to be done with a request. */
export type Verdict = 'allowed' | 'unauthorized' | 'wrong-host';

/**
 * Judges a request by HTTP Basic (RFC 7617). A dashboard without credentials listens on this machine only; there
 * it answers only to this machine's names, since a web site could otherwise point a name of its own at
 * 127.0.0.1 and read the dashboard through the operator's browser (DNS rebinding).
 */
export function judge(headers: IncomingHttpHeaders, { username, password }: Credentials): Verdict {
  if (username === '') return isLoopback(hostNameOf(headers.host ?? '')) ? 'allowed' : 'wrong-host';
  return isSame(userPassOf(headers.authorization ?? ''), `${username}:${password}`)
    ? 'allowed'
    : 'unauthorized';
}

/** Lets only those in who know the credentials, or everyone on this machine when there are none. */
export function authentication(credentials: Credentials): RequestHandler {
  return (request, response, next) => {
    switch (judge(request.headers, credentials)) {
      case 'allowed':
        next();
        return;
      case 'unauthorized':
        response
          .status(401)
          .set('WWW-Authenticate', 'Basic realm="log-courier", charset="UTF-8"')
          .json({ error: 'give the user and the password of the dashboard' });
        return;
      case 'wrong-host':
        response.status(403).json({
          error:
            'without credentials the dashboard answers only to localhost; set dashboard.username and dashboard.password to reach it by another name',
        });
    }
  };
}

/** The `user:password` of an Authorization header; empty when it holds none. */
function userPassOf(authorization: string): string {
  const token = /^basic +([\w+/=-]+) *$/i.exec(authorization)?.[1] ?? '';
  return Buffer.from(token, 'base64').toString('utf8');
}

/** Compares digests, which have one length, so that the time it takes tells nothing about the texts. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(expected));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** `[::1]:8080` → `::1`. */
function hostNameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
