import type { RequestHandler, Response } from 'express';

/** What a user of the dashboard may do: look, or look and change. */
export type Role = 'viewer' | 'operator';

/** Who asks. */
export interface Identity {
  /** As the trail of changes names them. */
  readonly name: string;
  readonly role: Role;
}

/** One address of the dashboard, as it is listed. */
export interface ListedRoute {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As Express reads it, below the base path. */
  readonly path: string;
  /** The role it needs; 'anyone' needs not even credentials. Routes that change something need 'operator'. */
  readonly role: Role | 'anyone';
  /** What it does, in a few words, for the documentation. */
  readonly does: string;
}

/** One address of the dashboard, with what answers there. */
export interface Route extends ListedRoute {
  readonly method: 'get' | 'post' | 'delete';
  /** Has the body of what is no GET parsed: JSON, and where anyone may come a form. */
  readonly handler: RequestHandler;
}

/**
 * Says who asks, in a handler of a {@link Route}.
 *
 * @throws {TypeError} where nobody has been identified: for routes that anyone may use
 */
export function identityOf({ locals }: Response): Identity {
  const identity: unknown = locals['identity'];
  if (!isIdentity(identity)) throw new TypeError('nobody has been identified for this request');
  return identity;
}

/**
 * The token that a change by whoever asks has to bring along, in a handler of a {@link Route}.
 *
 * @throws {TypeError} where nobody has been identified: for routes that anyone may use
 */
export function csrfTokenOf({ locals }: Response): string {
  const token: unknown = locals['csrfToken'];
  if (typeof token !== 'string') throw new TypeError('nobody has been identified for this request');
  return token;
}

/** Notes who asks, for {@link identityOf} and {@link csrfTokenOf}. */
export function noteIdentity({ locals }: Response, identity: Identity, csrfToken: string): void {
  locals['identity'] = identity;
  locals['csrfToken'] = csrfToken;
}

function isIdentity(value: unknown): value is Identity {
  return typeof value === 'object' && value !== null && 'name' in value && 'role' in value;
}
