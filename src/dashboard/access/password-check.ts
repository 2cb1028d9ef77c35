import { createHmac, randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import { isPassword, nobodysHash } from './password-hash.js';
import type { LoginLimit } from './login-limit.js';
import { isPasswordOf, type User } from './user.js';
import type { Users } from './users.js';

/** What came of a look at a name and a password. */
export type Checked =
  | { readonly kind: 'right'; readonly user: User }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many'; readonly retryAfterSeconds: number };

/** Passwords that are hashed at the same time: each takes memory and a core. */
const AT_ONCE = 2;
/** More than this many that wait for it are sent away. */
const MOST_WAITING = 50;
/** How long those who are sent away are to wait, in seconds. */
const BUSY_SECONDS = 1;
/** Right passwords that are remembered: programs give theirs with each request. */
const REMEMBERED = 1000;

/** Checks passwords, with a limit on wrong ones. */
export class PasswordCheck {
  readonly #users: Users;
  readonly #limit: LoginLimit;
  readonly #hashing = pLimit(AT_ONCE);
  readonly #nobody = nobodysHash();
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();

  constructor(users: Users, limit: LoginLimit) {
    this.#users = users;
    this.#limit = limit;
  }

  /** @param address where the request came from */
  async check(name: string, password: string, address: string): Promise<Checked> {
    const user = await this.#users.named(name);
    const proof = this.#proofOf(user, password);
    if (user !== undefined && this.#remembered.has(proof)) return { kind: 'right', user };
    const wait =
      this.#hashing.pendingCount >= MOST_WAITING ? BUSY_SECONDS : await this.#limit.attempt(address);
    if (wait > 0) return { kind: 'too-many', retryAfterSeconds: wait };
    const isRight = await this.#hashing(() =>
      user === undefined ? isPassword(password, this.#nobody) : isPasswordOf(user, password),
    );
    if (user === undefined || !isRight) return { kind: 'wrong' };
    await this.#limit.wasRight(address);
    this.#remember(proof);
    return { kind: 'right', user };
  }

  /** Stands for a password that was found right for a credential; another credential makes another proof. */
  #proofOf(user: User | undefined, password: string): string {
    const parts = JSON.stringify([user?.name, user?.password, password]);
    return createHmac('sha256', this.#key).update(parts).digest('base64');
  }

  #remember(proof: string): void {
    this.#remembered.add(proof);
    const [oldest] = this.#remembered;
    if (this.#remembered.size > REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}
