import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import { hashToken } from './token.js';
import type { User } from './user.js';
import { UsersFile } from './users-file.js';

/** Those who may come in with a password or a token. Asked anew for each request: who was removed is out at once. */
export interface Users {
  /** The user with a name. */
  named(name: string): Promise<User | undefined>;
  /** The user whose token this is. */
  withToken(token: string): Promise<User | undefined>;
  /** Whether there can be any: with OpenID Connect alone there are none. */
  readonly areThere: boolean;
}

/**
 * Takes up the users of the settings: the operator who stands there, and those of the file. The operator's name is
 * taken: a user of the file with it does not count.
 *
 * @throws {UsersFileError} when the file cannot be read or understood
 */
export async function openUsers(settings: Settings, log: Log): Promise<Users> {
  const {
    'dashboard.username': name,
    'dashboard.password': password,
    'dashboard.users-file': path,
  } = settings;
  const operators: readonly User[] = name === '' ? [] : [{ name, role: 'operator', password }];
  const file = path === '' ? undefined : await UsersFile.open(path, log);
  const all = async (): Promise<readonly User[]> => [...operators, ...((await file?.users()) ?? [])];
  return {
    named: async (wanted) => (await all()).find((user) => user.name === wanted),
    // Digests are compared, of which a stranger chooses none: the time it takes tells nothing.
    withToken: async (token) => {
      const hash = hashToken(token);
      return (await all()).find(({ tokenHash }) => tokenHash === hash);
    },
    areThere: operators.length > 0 || file !== undefined,
  };
}
