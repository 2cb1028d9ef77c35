import type { CookieOptions, Request, Response } from 'express';
import type { Log } from '../../observability/log.js';
import type { Identity } from '../route.js';
import { cookieOf } from './cookies.js';
import type { Secrets } from './secrets.js';
import type { Holder, Session, Sessions } from './sessions.js';
import type { User } from './user.js';
import type { Users } from './users.js';

/** Name of the cookie that holds the session. */
export const SESSION_COOKIE = 'log-courier-session';

/** What the cookie of a session is made of. */
export interface SessionCookieOptions {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly secrets: Secrets;
  readonly basePath: string;
  readonly seconds: number;
  readonly log: Log;
}

/** Keeps sessions in a cookie: not to be read by scripts, not sent by other sites' forms, over HTTPS alone where it came so. */
export class SessionCookie {
  readonly #options: SessionCookieOptions;

  constructor(options: SessionCookieOptions) {
    this.#options = options;
  }

  /** Begins a session of one of our users. */
  async beginFor(request: Request, response: Response, user: User): Promise<void> {
    await this.#begin(request, response, {
      kind: 'user',
      name: user.name,
      fingerprint: this.#fingerprintOf(user),
    });
  }

  /** Begins a session of somebody whom the OpenID Connect provider sent. */
  async beginForGuest(request: Request, response: Response, { name, role }: Identity): Promise<void> {
    await this.#begin(request, response, { kind: 'oidc', name, role });
  }

  /** Who holds the session of a request, with the role that they have now, and the session's id. */
  async find(request: Request): Promise<{ readonly identity: Identity; readonly id: string } | undefined> {
    const session = await this.#sessionOf(request);
    if (session === undefined) return undefined;
    const { id, holder } = session;
    if (holder.kind === 'oidc') return { identity: { name: holder.name, role: holder.role }, id };
    const user = await this.#options.users.named(holder.name);
    // Whoever has got another password since, or is no longer a user, is out.
    if (user === undefined || this.#fingerprintOf(user) !== holder.fingerprint) return undefined;
    return { identity: { name: user.name, role: user.role }, id };
  }

  /**
   * Ends the session of a request, if it has one.
   *
   * @returns who held it
   */
  async end(request: Request, response: Response): Promise<string | undefined> {
    response.clearCookie(SESSION_COOKIE, this.#attributes(request));
    const session = await this.#sessionOf(request);
    if (session === undefined) return undefined;
    await this.#options.sessions.end(session).catch((err: unknown) => {
      this.#options.log.warn({ err }, 'Redis has not taken note yet that a session was ended');
    });
    return session.holder.name;
  }

  async #begin(request: Request, response: Response, holder: Holder): Promise<void> {
    const { sessions, seconds } = this.#options;
    const attributes = { ...this.#attributes(request), maxAge: seconds * 1000 };
    response.cookie(SESSION_COOKIE, await sessions.begin(holder), attributes);
  }

  async #sessionOf({ headers }: Request): Promise<Session | undefined> {
    const token = cookieOf(headers.cookie, SESSION_COOKIE);
    return token === undefined ? undefined : this.#options.sessions.find(token);
  }

  #fingerprintOf({ password = '' }: User): string {
    return this.#options.secrets.fingerprintOf(password);
  }

  /** Lax, not strict: who comes from a link in a chat, or back from the provider, is logged in. */
  #attributes(request: Request): CookieOptions {
    const path = this.#options.basePath === '' ? '/' : this.#options.basePath;
    return { httpOnly: true, sameSite: 'lax', secure: request.secure, path };
  }
}
