import type { Request, RequestHandler, Response } from 'express';
import { noteIdentity, type Role } from '../route.js';
import type { Access, Finding } from './access.js';
import { isFromBrowser, mayChange } from './cross-site.js';
import { isSameText } from './same-text.js';

/** Where the page to log in stands, below the base path. */
export const LOGIN_PATH = '/login';

/** What a gate is made of. */
export interface GateOptions {
  readonly access: Access;
  readonly basePath: string;
  /** How often it is asked again who sent a request whose answer goes on and on, such as events; ms. */
  readonly askAgainMs?: number;
}

/** Who was logged out or removed gets no more events after this time, in ms. */
const ASK_AGAIN_MS = 30_000;

/**
 * Lets only those pass who have a role, by request: viewers, operators, or operators for what may change something.
 * A change that comes from a browser has to bring the CSRF token of whoever is logged in there.
 */
export function gate(options: GateOptions, roleFor: (request: Request) => Role): RequestHandler {
  const { access, basePath, askAgainMs = ASK_AGAIN_MS } = options;
  return async (request, response, next) => {
    const finding = await access.find(request);
    if (finding.kind !== 'known') {
      turnAway(finding, request, response, access.hasLoginPage ? `${basePath}${LOGIN_PATH}` : undefined);
      return;
    }
    const needed = roleFor(request);
    if (!hasRole(finding, needed)) {
      response.status(403).json({ error: 'only operators may do this' });
      return;
    }
    if (needsToken(request, finding) && !hasToken(request, finding.csrfToken)) {
      response.status(403).json({
        error: 'the X-CSRF-Token is missing or old; take the one of /api/me, or load the page again',
      });
      return;
    }
    noteIdentity(response, finding.identity, finding.csrfToken);
    endWhenOut(response, askAgainMs, async () => hasRole(await access.find(request), needed));
    next();
  };
}

function hasRole(finding: Finding, needed: Role): boolean {
  return finding.kind === 'known' && (needed === 'viewer' || finding.identity.role === 'operator');
}

/** Ends an answer that goes on and on once whoever asked for it may no longer have it. */
function endWhenOut(response: Response, everyMs: number, isStillIn: () => Promise<boolean>): void {
  const timer = setInterval(() => {
    isStillIn().then(
      (isIn) => {
        if (!isIn) response.destroy();
      },
      () => undefined,
    );
  }, everyMs);
  timer.unref();
  response.once('close', () => {
    clearInterval(timer);
  });
}

function needsToken({ method, headers }: Request, { bySession }: { readonly bySession: boolean }): boolean {
  return mayChange(method) && (bySession || isFromBrowser(headers));
}

/** Our own pages send X-CSRF-Token. Bull Board's send X-XSRF-TOKEN, with what they find in the cookie XSRF-TOKEN. */
function hasToken(request: Request, expected: string): boolean {
  const given = request.get('X-CSRF-Token') ?? request.get('X-XSRF-TOKEN') ?? '';
  return isSameText(given, expected);
}

function turnAway(
  finding: Exclude<Finding, { kind: 'known' }>,
  request: Request,
  response: Response,
  loginPage: string | undefined,
): void {
  switch (finding.kind) {
    case 'stranger':
    case 'refused':
      if (loginPage !== undefined && isNavigation(request)) {
        response.redirect(303, `${loginPage}?next=${encodeURIComponent(`${request.baseUrl}${request.url}`)}`);
        return;
      }
      // Basic makes browsers ask for credentials by a dialogue of their own; their users have the page for it.
      response
        .status(401)
        .set(
          'WWW-Authenticate',
          `${isFromBrowser(request.headers) ? 'Bearer' : 'Basic'} realm="log-courier", charset="UTF-8"`,
        )
        .json({ error: 'give the credentials of a user of the dashboard' });
      return;
    case 'too-many':
      response
        .status(429)
        .set('Retry-After', String(finding.retryAfterSeconds))
        .json({ error: 'too many wrong credentials; wait a little' });
      return;
    case 'wrong-host':
      response.status(403).json({
        error:
          'without credentials the dashboard answers only to localhost; give it users to reach it by another name: dashboard.username and dashboard.password, dashboard.users-file or dashboard.oidc-issuer',
      });
  }
}

/** Tells whether somebody opened an address in a browser, rather than a program or a page asking for it. */
function isNavigation({ method, headers }: Request): boolean {
  return method === 'GET' && /\btext\/html\b/.test(headers.accept ?? '');
}
