import { isConnectionError } from '../../../clickhouse/errors.js';
import { isError } from '../../../observability/is-error.js';

/** The database cannot be reached, or the connection broke off in the middle. */
export class MysqlUnreachableError extends Error {
  override readonly name = 'MysqlUnreachableError';

  /** @param where the server, without its password */
  constructor(where: string, options: ErrorOptions) {
    const reason = isError(options.cause) ? options.cause.message : String(options.cause);
    super(`the database at ${where} cannot be reached: ${reason}`, options);
  }
}

/** The database answered with an error. */
export class MysqlError extends Error {
  override readonly name = 'MysqlError';

  /**
   * @param doing what was to be done, in a few words
   * @param errno number of the error, as MySQL's manual lists them
   */
  constructor(
    doing: string,
    readonly errno: number,
    options: ErrorOptions,
  ) {
    const reason = isError(options.cause) ? options.cause.message : String(options.cause);
    super(`could not ${doing}: the database answered ${String(errno)} ${reason}`, options);
  }
}

/** Errors after which the same transaction may be tried again: deadlock, and a lock that took too long. */
const TRY_AGAIN: ReadonlySet<number> = new Set([1213, 1205]);

/** Codes with which mysql2 tells that a connection is gone. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ETIMEDOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_CONNECTION_KILLED',
]);

/** Tells whether a transaction that failed so may be tried again at once. */
export function mayTryAgain(error: unknown): boolean {
  return error instanceof MysqlError && TRY_AGAIN.has(error.errno);
}

/** What mysql2 threw, as one of our errors. */
export function errorOf(doing: string, where: string, cause: unknown): Error {
  if (cause instanceof MysqlError || cause instanceof MysqlUnreachableError) return cause;
  const { code, errno, sqlState } = fieldsOf(cause);
  const isGone = (code !== undefined && CONNECTION_CODES.has(code)) || isConnectionError(cause);
  if (isGone || isClosed(cause)) return new MysqlUnreachableError(where, { cause });
  if (errno !== undefined && sqlState !== undefined) return new MysqlError(doing, errno, { cause });
  return new Error(`could not ${doing}: ${isError(cause) ? cause.message : String(cause)}`, { cause });
}

function isClosed(cause: unknown): boolean {
  return isError(cause) && /connection is in closed state|Connection lost/i.test(cause.message);
}

function fieldsOf(cause: unknown): {
  readonly code: string | undefined;
  readonly errno: number | undefined;
  readonly sqlState: string | undefined;
} {
  if (typeof cause !== 'object' || cause === null)
    return { code: undefined, errno: undefined, sqlState: undefined };
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  const errno = 'errno' in cause && typeof cause.errno === 'number' ? cause.errno : undefined;
  const sqlState = 'sqlState' in cause && typeof cause.sqlState === 'string' ? cause.sqlState : undefined;
  return { code, errno, sqlState };
}
