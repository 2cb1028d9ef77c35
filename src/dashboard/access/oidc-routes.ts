import type { CookieOptions, Request, Response } from 'express';
import type { Log } from '../../observability/log.js';
import type { Route } from '../route.js';
import { cookieOf } from './cookies.js';
import { showLogin, type LoginOptions } from './login-routes.js';
import { nextPage } from './next-page.js';
import { CALLBACK_PATH, LOGIN_SECONDS, WrongLoginError, type OpenIdConnect } from './oidc.js';
import type { SessionCookie } from './session-cookie.js';

/** What logging in at the OpenID Connect provider is made of. */
export interface ProviderOptions extends Pick<LoginOptions, 'basePath' | 'passwords' | 'hasProvider'> {
  /** Missing when there is no provider. */
  readonly provider: OpenIdConnect | undefined;
  readonly cookie: SessionCookie;
  readonly log: Log;
}

/** Keeps what is needed to end the login that a browser has begun. */
const LOGIN_COOKIE = 'log-courier-login';

/** The way to the OpenID Connect provider, and back. */
export function providerRoutes(options: ProviderOptions): readonly Route[] {
  return [
    {
      method: 'get',
      path: '/login/oidc',
      role: 'anyone',
      does: 'Leads to the OpenID Connect provider; 503 when it is away',
      handler: (request, response) => leave(request, response, options),
    },
    {
      method: 'get',
      path: CALLBACK_PATH,
      role: 'anyone',
      does: 'Where the OpenID Connect provider leads back to; 503 when it is away',
      handler: (request, response) => comeBack(request, response, options),
    },
  ];
}

async function leave(request: Request, response: Response, options: ProviderOptions): Promise<void> {
  const { provider, basePath } = options;
  const { next } = request.query;
  if (provider === undefined) {
    response.status(404).json({ error: 'there is no OpenID Connect provider' });
    return;
  }
  try {
    const { url, kept } = await provider.begin(nextPage(next, ''));
    const maxAge = LOGIN_SECONDS * 1000;
    response.cookie(LOGIN_COOKIE, kept, { ...attributes(request, basePath), maxAge }).redirect(303, url);
  } catch (error) {
    sayAway(error, response, options, next);
  }
}

async function comeBack(request: Request, response: Response, options: ProviderOptions): Promise<void> {
  const { provider, basePath, cookie, log } = options;
  if (provider === undefined) {
    response.status(404).json({ error: 'there is no OpenID Connect provider' });
    return;
  }
  const address = request.ip ?? '';
  const kept = cookieOf(request.headers.cookie, LOGIN_COOKIE) ?? '';
  // An answer counts once.
  response.clearCookie(LOGIN_COOKIE, attributes(request, basePath));
  try {
    const { user, next } = await provider.end(searchOf(request), kept);
    const { name, role } = user;
    if (role === undefined) {
      log.warn({ event: 'login refused', by: name, how: 'oidc', address }, 'login refused');
      response.status(403);
      showLogin(response, options, { next, problem: `${name} has no role on this dashboard.` });
      return;
    }
    log.info({ event: 'login', by: name, how: 'oidc', address }, 'login');
    await cookie.beginForGuest(request, response, { name, role });
    response.redirect(303, nextPage(next, basePath));
  } catch (error) {
    if (!(error instanceof WrongLoginError)) {
      sayAway(error, response, options, undefined);
      return;
    }
    log.warn({ err: error, event: 'login refused', how: 'oidc', address }, 'login refused');
    response.status(401);
    showLogin(response, options, { next: undefined, problem: 'The login did not work. Please try again.' });
  }
}

function sayAway(err: unknown, response: Response, options: ProviderOptions, next: unknown): void {
  options.log.error({ err }, 'the OpenID Connect provider cannot be used');
  response.status(503);
  showLogin(response, options, {
    next,
    problem: 'Single sign-on cannot be reached. Please try again later.',
  });
}

/** Lax: the provider's answer is a link from another site. */
function attributes(request: Request, basePath: string): CookieOptions {
  return { httpOnly: true, sameSite: 'lax', secure: request.secure, path: `${basePath}/login` };
}

function searchOf({ url }: Request): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}
