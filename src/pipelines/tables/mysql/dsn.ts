import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Settings } from '../../../config/settings.js';

/** Where the tables are, and as whom they are read. */
export interface Account {
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket, in place of host and port. */
  readonly socketPath?: string | undefined;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** The settings do not say which database to use, or say it in a way that is not understood. */
export class NoDatabaseError extends Error {
  override readonly name = 'NoDatabaseError';
}

const databaseFile = z.object({
  mysql: z.object({
    dsn: z.string().default(''),
    user: z.string().default(''),
    pass: z.string().default(''),
    dbname: z.string().default(''),
  }),
});

/**
 * The database that the settings name: single settings go before `tables.dsn`, and that before `tables.database-file`.
 *
 * @throws {NoDatabaseError}
 */
export function accountOf(settings: Settings): Account {
  const text = settings['tables.dsn'];
  const isGiven = text !== '' || settings['tables.host'] !== '';
  const from = isGiven ? parseDsn(text) : accountInFile(settings['tables.database-file']);
  const host = settings['tables.host'];
  const account = {
    ...from,
    ...(host === '' ? {} : { host, port: settings['tables.port'], socketPath: undefined }),
    ...given('database', settings['tables.database']),
    ...given('user', settings['tables.username']),
    ...given('password', settings['tables.password']),
  };
  if (account.host === '' && account.socketPath === undefined)
    throw new NoDatabaseError(
      'no database is named: give tables.host, or tables.dsn, or a file that tables.database-file names',
    );
  if (account.database === '') throw new NoDatabaseError('no database is named: give tables.database');
  return account;
}

/** Where a database is, without its password, for messages. */
export function whereIs({ host, port, socketPath, database }: Account): string {
  return `${socketPath ?? `${host}:${String(port)}`}/${database}`;
}

function given<const Name extends string>(name: Name, value: string): Partial<Record<Name, string>>;
function given(name: string, value: string): Partial<Record<string, string>> {
  return value === '' ? {} : { [name]: value };
}

const NOTHING: Account = { host: '', port: 3306, database: '', user: '', password: '' };

/** A DSN of Go's MySQL driver: `user:password@protocol(address)/database?parameters`, most of it optional. */
const GO_DSN =
  /^(?:(?<user>[^:@/]*)(?::(?<password>.*))?@)?(?:(?<protocol>tcp|tcp6|unix)(?:\((?<address>[^)]*)\))?)?\/(?<database>[^/?]*)(?:\?.*)?$/s;

/**
 * Reads a DSN, a URL or one of Go's MySQL driver.
 *
 * @throws {NoDatabaseError} without quoting it, since it holds a password
 */
export function parseDsn(dsn: string): Account {
  if (dsn === '') return NOTHING;
  if (/^(mysql|mariadb):\/\//.test(dsn)) return parseUrl(dsn);
  const parts = GO_DSN.exec(dsn)?.groups;
  if (parts === undefined)
    throw new NoDatabaseError(
      'tables.dsn is not understood; write mysql://user:password@host:3306/database or user:password@tcp(host:3306)/database',
    );
  const { user = '', password = '', protocol = 'tcp', address = '127.0.0.1:3306', database = '' } = parts;
  const base = { ...NOTHING, user, password, database: decodeURIComponent(database) };
  if (protocol === 'unix') return { ...base, socketPath: address };
  const [, host = '', port = '3306'] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(address) ?? [];
  return { ...base, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function parseUrl(dsn: string): Account {
  if (!URL.canParse(dsn)) throw new NoDatabaseError('tables.dsn is no URL');
  const { hostname, port, username, password, pathname } = new URL(dsn);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.replace(/^\//, '')),
  };
}

function accountInFile(path: string): Account {
  const content = readIfThere(path);
  if (content === undefined) return NOTHING;
  const parsed = databaseFile.safeParse(parsedYaml(content));
  if (!parsed.success)
    throw new NoDatabaseError(`${path} does not say mysql: with dsn, user, pass and dbname below it`);
  const { dsn, user, pass, dbname } = parsed.data.mysql;
  return {
    ...parseDsn(dsn),
    ...given('user', user),
    ...given('password', pass),
    ...given('database', dbname),
  };
}

function parsedYaml(content: string): unknown {
  try {
    // The library's own messages quote the line they are about, and with it a password.
    return parse(content, { prettyErrors: false });
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  if (path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new NoDatabaseError(`${path} cannot be read`, { cause: error });
  }
}
