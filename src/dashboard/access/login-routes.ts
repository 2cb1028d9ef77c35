import { readFileSync } from 'node:fs';
import express, { type Request, type Response } from 'express';
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

/** Largest form to log in, with everything that browsers may have to say in it. */
const FORM_LIMIT = '8kb';

/** The page to log in, and what it does. */
export function loginRoutes(options: LoginOptions): readonly Route[] {
  const { basePath, cookie } = options;
  const style = readFileSync(new URL('../static/login.css', import.meta.url), 'utf8');
  const parseForm = express.urlencoded({ extended: false, limit: FORM_LIMIT });
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
      handler: (request, response, next) => {
        parseForm(request, response, (error: unknown) => {
          if (error === undefined) logIn(request, response, options).catch(next);
          else next(error);
        });
      },
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
  const [name, password, next] = ['name', 'password', 'next'].map((field) => textOf(request.body, field));
  const address = request.ip ?? '';
  if (passwords === undefined || name === undefined || password === undefined) {
    response.status(400);
    showLogin(response, options, { next, problem: 'Give a user and a password.' });
    return;
  }
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

function textOf(body: unknown, field: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value = Object.entries(body).find(([name]) => name === field)?.[1];
  return typeof value === 'string' ? value : undefined;
}
