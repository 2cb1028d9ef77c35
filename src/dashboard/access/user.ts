import type { Role } from '../route.js';
import { isPassword, readHash } from './password-hash.js';
import { isSameText } from './same-text.js';

/** Somebody who may come in with a password, a token, or either. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** The password's hash, or the password itself where the settings have it so. */
  readonly password?: string | undefined;
  /** As `hashToken` makes it. */
  readonly tokenHash?: string | undefined;
}

/** Tells whether a password is a user's. Takes its time where the user has a hash. */
export async function isPasswordOf(user: User, password: string): Promise<boolean> {
  if (user.password === undefined) return false;
  const hash = readHash(user.password);
  return hash === undefined ? isSameText(password, user.password) : isPassword(password, hash);
}
