import { readFile, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { Log } from '../../observability/log.js';
import { readHash } from './password-hash.js';
import { isTokenHash } from './token.js';
import type { User } from './user.js';

const LONGEST_NAME = 100;

const userSchema = z
  .strictObject({
    // Neither colons, which end the name in HTTP Basic, nor control characters, which have no place in a log.
    name: z
      .string('expected text')
      .min(1, 'expected a name')
      .max(LONGEST_NAME, `expected at most ${String(LONGEST_NAME)} characters`)
      .regex(/^[^:\p{Cc}]+$/u, 'expected no colon and no control character'),
    role: z.enum(['viewer', 'operator'], 'expected viewer or operator'),
    password: z
      .string('expected text')
      .refine(
        (text) => readHash(text) !== undefined,
        'expected a hash that `log-courier hash-password` printed',
      )
      .optional(),
    token: z
      .string('expected text')
      .refine(isTokenHash, 'expected a hash that `log-courier hash-password --token` printed')
      .optional(),
  })
  .refine(
    ({ password, token }) => password !== undefined || token !== undefined,
    'expected a password or a token',
  );

const fileSchema = z
  .strictObject({ users: z.array(userSchema, 'expected a list of users') }, 'expected a map with users')
  .refine(
    ({ users }) => new Set(users.map(({ name }) => name)).size === users.length,
    'expected each name once',
  );

/** A file of users cannot be read, or says what cannot be understood. */
export class UsersFileError extends Error {
  override readonly name = 'UsersFileError';
}

/**
 * Reads the text of a file of users. Nothing of the text gets into messages.
 *
 * @throws {UsersFileError} with everything that is wrong
 */
export function parseUsers(text: string): readonly User[] {
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false });
  const faults = document.errors.map(
    ({ pos: [offset], message }) => `at character ${String(offset)}: ${message}`,
  );
  if (faults.length > 0) throw new UsersFileError(faults.join('; '));
  const parsed = fileSchema.safeParse(document.toJS());
  if (parsed.success)
    return parsed.data.users.map(({ name, role, password, token }) => ({
      name,
      role,
      password,
      tokenHash: token,
    }));
  throw new UsersFileError(
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '),
  );
}

/** The users of a file, which is read again when it has changed. */
export class UsersFile {
  readonly #path: string;
  readonly #log: Log;
  #users: readonly User[] = [];
  #version = '';
  #reading: Promise<void> | undefined;

  private constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /**
   * Reads a file for the first time.
   *
   * @throws {UsersFileError} when it cannot be read or understood
   */
  static async open(path: string, log: Log): Promise<UsersFile> {
    const file = new UsersFile(path, log);
    try {
      file.#version = await file.#currentVersion();
      file.#users = parseUsers(await readFile(path, 'utf8'));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UsersFileError(`dashboard.users-file: ${path} cannot be used: ${reason}`, { cause });
    }
    return file;
  }

  /** The users as the file has them now. A file that cannot be read any more leaves those that it had, and is logged. */
  async users(): Promise<readonly User[]> {
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#users;
  }

  async #refresh(): Promise<void> {
    const version = await this.#currentVersion().catch(() => 'missing');
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#users = parseUsers(await readFile(this.#path, 'utf8'));
      this.#log.info(
        { file: this.#path, users: this.#users.length },
        'the users of the dashboard were read again',
      );
    } catch (err) {
      this.#log.error(
        { err, file: this.#path },
        'the users of the dashboard cannot be read; those of before stay',
      );
    }
  }

  /** Changes whenever the file does, also when another one takes its place behind a symbolic link. */
  async #currentVersion(): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join('-');
  }
}
