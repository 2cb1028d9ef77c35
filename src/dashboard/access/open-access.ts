import type { Request } from 'express';
import type { Redis } from 'ioredis';
import type { Settings } from '../../config/settings.js';
import { isLoopback } from '../../config/together.js';
import type { Log } from '../../observability/log.js';
import type { Access, Finding } from './access.js';
import { credentialsOf } from './authorization.js';
import { LoginLimit } from './login-limit.js';
import { loginRoutes } from './login-routes.js';
import { meRoute } from './me.js';
import { OpenIdConnect } from './oidc.js';
import { providerRoutes } from './oidc-routes.js';
import { PasswordCheck } from './password-check.js';
import { deriveSecrets, type Secrets } from './secrets.js';
import { SessionCookie } from './session-cookie.js';
import { Sessions } from './sessions.js';
import type { User } from './user.js';
import { openUsers, type Users } from './users.js';

const SECONDS_PER_HOUR = 3600;

/** What access is made of. */
export interface AccessOptions {
  readonly settings: Settings;
  readonly redis: Redis;
  readonly log: Log;
}

/** The name of whoever uses a dashboard without users, on the machine that it runs on. */
export const LOCAL_NAME = 'localhost';

/**
 * Makes the access to a dashboard from its settings.
 *
 * @throws {UsersFileError} when the file of users cannot be read or understood
 */
export async function openAccess({ settings, redis, log }: AccessOptions): Promise<Access> {
  const basePath = settings['dashboard.base-path'];
  const keyPrefix = settings['redis.key-prefix'];
  const secrets = deriveSecrets(settings['dashboard.session-secret']);
  const seconds = Math.round(settings['dashboard.session-hours'] * SECONDS_PER_HOUR);
  const users = await openUsers(settings, log);
  const sessions = new Sessions({ key: secrets.sessionKey, seconds, redis, keyPrefix, log });
  const cookie = new SessionCookie({ sessions, users, secrets, basePath, seconds, log });
  const limit = new LoginLimit(redis, keyPrefix, settings['dashboard.failed-logins-per-minute']);
  const passwords = new PasswordCheck(users, limit);
  const hasProvider = settings['dashboard.oidc-issuer'] !== '';
  const provider = hasProvider ? new OpenIdConnect(settings, secrets.loginKey) : undefined;
  const logins = { basePath, passwords: users.areThere ? passwords : undefined, hasProvider, cookie, log };
  const hasLoginPage = users.areThere || hasProvider;
  const guests = { users, passwords, limit, secrets, cookie };
  return {
    find: (request) => (hasLoginPage ? find(request, guests) : Promise.resolve(findLocal(request, secrets))),
    routes: [...loginRoutes(logins), ...providerRoutes({ ...logins, provider }), meRoute()],
    hasLoginPage,
  };
}

/**
 * A dashboard without users listens on this machine only; there it answers only to this machine's names, since a web
 * site could otherwise point a name of its own at 127.0.0.1 and read the dashboard through the operator's browser (DNS
 * rebinding).
 */
function findLocal(request: Request, secrets: Secrets): Finding {
  if (!isThisMachine(request.host)) return { kind: 'wrong-host' };
  const identity = { name: LOCAL_NAME, role: 'operator' } as const;
  return { kind: 'known', identity, csrfToken: secrets.csrfTokenOf('local'), bySession: false };
}

/** Tells whether a Host header names this machine, as only it does: `[::1]:8080`. */
export function isThisMachine(host: string | undefined): boolean {
  return isLoopback((host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
}

interface Guests {
  readonly users: Users;
  readonly passwords: PasswordCheck;
  readonly limit: LoginLimit;
  readonly secrets: Secrets;
  readonly cookie: SessionCookie;
}

/** A session comes first: what a proxy puts into Authorization is not meant for us then. */
async function find(request: Request, guests: Guests): Promise<Finding> {
  const { users, passwords, limit, secrets, cookie } = guests;
  const held = await cookie.find(request);
  if (held !== undefined) {
    const { identity, id } = held;
    return { kind: 'known', identity, csrfToken: secrets.csrfTokenOf(`session ${id}`), bySession: true };
  }
  const { authorization } = request.headers;
  if (authorization === undefined) return { kind: 'stranger' };
  const address = request.ip ?? '';
  const known = ({ name, role }: User): Finding => ({
    kind: 'known',
    identity: { name, role },
    csrfToken: secrets.csrfTokenOf(`user ${name}`),
    bySession: false,
  });
  const credentials = credentialsOf(authorization);
  switch (credentials.kind) {
    case 'unknown':
      return { kind: 'refused' };
    case 'bearer': {
      const user = await users.withToken(credentials.token);
      if (user !== undefined) return known(user);
      const wait = await limit.attempt(address);
      return wait > 0 ? { kind: 'too-many', retryAfterSeconds: wait } : { kind: 'refused' };
    }
    case 'basic': {
      const checked = await passwords.check(credentials.name, credentials.password, address);
      if (checked.kind === 'right') return known(checked.user);
      return checked.kind === 'wrong' ? { kind: 'refused' } : checked;
    }
  }
}
