import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashPassword } from '../../src/dashboard/access/password-hash.js';
import { hashToken, randomToken } from '../../src/dashboard/access/token.js';
import type { Dashboard } from '../../src/dashboard/server.js';
import type { DashboardGround, Given } from './dashboard.js';
import { Visitor } from './visitor.js';

/** A user as a file of users has them. */
export interface Who {
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  readonly password?: string;
  readonly token?: string;
}

/** What signs the sessions of dashboards with users. */
export const SECRET = 'a secret that all replicas share with each other';

/**
 * Users of dashboards: olga and the program "a program" are operators, vera and "prometheus" are viewers, and the
 * settings have the operator root with the password hunter2. olga's password is "olgas password", vera's likewise.
 */
export class DashboardUsers {
  readonly settings: Given;
  readonly hashes: Readonly<Record<'olga' | 'vera', string>>;
  readonly tokens = { viewer: randomToken(), operator: randomToken() };
  readonly #ground: DashboardGround;
  readonly #file: string;

  private constructor(ground: DashboardGround, hashes: DashboardUsers['hashes']) {
    this.#ground = ground;
    this.#file = join(ground.dir, 'users.yaml');
    this.hashes = hashes;
    this.settings = {
      'dashboard.users-file': this.#file,
      'dashboard.session-secret': SECRET,
      'dashboard.username': 'root',
      'dashboard.password': 'hunter2',
    };
  }

  /** Writes the file of users. */
  static async prepare(ground: DashboardGround): Promise<DashboardUsers> {
    const [olga, vera] = await Promise.all([hashPassword('olgas password'), hashPassword('veras password')]);
    const users = new DashboardUsers(ground, { olga, vera });
    await users.reset();
    return users;
  }

  /** Has everybody in the file again, and nobody wait. */
  async reset(): Promise<void> {
    this.write([
      { name: 'olga', role: 'operator', password: this.hashes.olga },
      { name: 'vera', role: 'viewer', password: this.hashes.vera },
      { name: 'a program', role: 'operator', token: hashToken(this.tokens.operator) },
      { name: 'prometheus', role: 'viewer', token: hashToken(this.tokens.viewer) },
    ]);
    // Attempts are counted in Redis, by address, and all tests have one.
    const { redis } = this.#ground;
    const keys = await redis.keys('*:login-attempts:*');
    if (keys.length > 0) await redis.del(keys);
  }

  /** Replaces the file of users. */
  write(users: readonly Who[]): void {
    writeFileSync(this.#file, JSON.stringify({ users }));
  }

  /** A program with a token. */
  bearer({ url }: Dashboard, role: 'viewer' | 'operator'): Visitor {
    return new Visitor(url, { authorization: `Bearer ${this.tokens[role]}` });
  }

  /** A browser whose user has logged in. */
  async loggedIn({ url }: Dashboard, name: 'olga' | 'vera'): Promise<Visitor> {
    const visitor = new Visitor(url);
    const { status } = await visitor.logIn(name, `${name}s password`);
    if (status !== 303) throw new Error(`${name} could not log in: ${String(status)}`);
    return visitor;
  }
}

/** A program with name and password. */
export function basic({ url }: Dashboard, name: string, password: string): Visitor {
  const userPass = Buffer.from(`${name}:${password}`).toString('base64');
  return new Visitor(url, { authorization: `Basic ${userPass}` });
}

/** The status of an answer whose body does not matter, and may never end. */
export async function statusOf(visitor: Visitor, ...visit: Parameters<Visitor['visit']>): Promise<number> {
  const response = await visitor.visit(...visit);
  await response.body?.cancel();
  return response.status;
}
