import { readFileSync } from 'node:fs';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Log } from '../../observability/log.js';
import type { Route } from '../route.js';
import { loginPage, LOGIN_STYLE_PATH, type LoginPage } from './login-page.js';
import { nextPage } from './next-page.js';
import type { PasswordCheck } from './password-check.js';
import type { SessionCookie } from './session-cookie.js';

/** What logging in and out is made of. */
export interface LoginOptions {
  readonly basePath: string;
  /** Checks passwords; missing when there are no users who have any. */
  readonly passwords: PasswordCheck | undefined;
  readonly hasProvider: boolean;
  readonly cookie: SessionCookie;
  readonly log: Log;
}

const formSchema = z.object({ name: z.string(), password: z.string(), next: z.string().optional() });

/** The page to log in, and what it does. */
export function loginRoutes(options: LoginOptions): readonly Route[] {
  const { basePath, cookie } = options;
  const style = readFileSync(new URL('../static/login.css', import.meta.url), 'utf8');
  return [
    {
      method: 'get',
      path: '/login',
      role: 'anyone',
      does: 'The page to log in',
      handler: (request, response) => {
        const { next, out } = request.query;
        if (!hasLogins(options)) response.redirect(303, `${basePath}/`);
        else
          showLogin(response, options, {
            next,
            ...(out === undefined ? {} : { news: 'You are logged out.' }),
          });
      },
    },
    {
      method: 'post',
      path: '/login',
      role: 'anyone',
      does: 'Logs in with a name and a password, from the form of the page',
      handler: (request, response) => logIn(request, response, options),
    },
    {
      method: 'post',
      path: '/logout',
      role: 'anyone',
      does: 'Logs out: ends the session in every replica',
      handler: async (request, response) => {
        const ended = await cookie.end(request, response);
        if (ended !== undefined) options.log.info({ event: 'logout', by: ended }, 'logout');
        response.redirect(303, hasLogins(options) ? `${basePath}/login?out=1` : `${basePath}/`);
      },
    },
    {
      method: 'get',
      path: LOGIN_STYLE_PATH,
      role: 'anyone',
      does: 'The style of the page to log in',
      handler: (_request, response) => {
        response.set('Cache-Control', 'public, max-age=3600').type('css').send(style);
      },
    },
  ];
}

/** Shows the page to log in, with the status that the response has been given. */
export function showLogin(
  response: Response,
  { basePath, passwords, hasProvider }: Pick<LoginOptions, 'basePath' | 'passwords' | 'hasProvider'>,
  given: Pick<LoginPage, 'problem' | 'news' | 'name'> & { readonly next: unknown },
): void {
  // The page keeps the address as links know it, without the base path.
  const next = nextPage(given.next, '');
  response
    .type('html')
    .send(loginPage({ ...given, next, basePath, hasForm: passwords !== undefined, hasProvider }));
}

async function logIn(request: Request, response: Response, options: LoginOptions): Promise<void> {
  const { passwords, basePath, cookie, log } = options;
  const body = formSchema.safeParse(request.body);
  const address = request.ip ?? '';
  if (passwords === undefined || !body.success) {
    response.status(400);
    showLogin(response, options, { next: undefined, problem: 'Give a user and a password.' });
    return;
  }
  const { name, password, next } = body.data;
  const checked = await passwords.check(name, password, address);
  switch (checked.kind) {
    case 'right':
      log.info({ event: 'login', by: checked.user.name, how: 'password', address }, 'login');
      await cookie.beginFor(request, response, checked.user);
      response.redirect(303, nextPage(next, basePath));
      return;
    case 'wrong':
      // The name is not logged: people type passwords there by mistake.
      log.warn({ event: 'login refused', how: 'password', address }, 'login refused');
      response.status(401);
      showLogin(response, options, { next, name, problem: 'User or password are wrong.' });
      return;
    case 'too-many':
      response.status(429).set('Retry-After', String(checked.retryAfterSeconds));
      showLogin(response, options, {
        next,
        name,
        problem: `Too many attempts. Try again in ${String(checked.retryAfterSeconds)} s.`,
      });
  }
}

function hasLogins({ passwords, hasProvider }: LoginOptions): boolean {
  return passwords !== undefined || hasProvider;
}
