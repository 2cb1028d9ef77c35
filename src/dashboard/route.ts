import type { RequestHandler, Response } from 'express';

/** What a user of the dashboard may do: look, or look and change. */
export type Role = 'viewer' | 'operator';

/** Who asks. */
export interface Identity {
  /** As the trail of changes names them. */
  readonly name: string;
  readonly role: Role;
}

/** One address of the dashboard. */
export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** As Express reads it, below the base path. */
  readonly path: string;
  /** The role it needs; 'anyone' needs not even credentials. Routes that change something need 'operator'. */
  readonly role: Role | 'anyone';
  /** What it does, in a few words, for the documentation. */
  readonly does: string;
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

function isIdentity(value: unknown): value is Identity {
  return typeof value === 'object' && value !== null && 'name' in value && 'role' in value;
}
