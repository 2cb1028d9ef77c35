import { ClickHouseError as ServerException } from '@clickhouse/client';
import { isError } from '../observability/is-error.js';
import { networkErrorCode } from '../observability/network-error.js';

/** ClickHouse could not be reached, or went silent: nothing is known to be wrong with the request itself. */
export class ClickHouseUnreachableError extends Error {
  override readonly name = 'ClickHouseUnreachableError';

  /**
   * @param doing what was being done, for the message
   * @param hosts the hosts that were tried
   */
  constructor(doing: string, hosts: readonly string[], options: ErrorOptions) {
    super(
      `${doing}: no answer from ClickHouse at ${hosts.join(', ')} (${messageOf(options.cause)}); ` +
        'check clickhouse.url and that the server is up',
      options,
    );
  }
}

/** ClickHouse answered with an exception. */
export class ClickHouseQueryError extends Error {
  override readonly name = 'ClickHouseQueryError';

  /**
   * @param doing what was being done, for the message
   * @param code ClickHouse's exception code, e.g. '60' for an unknown table
   */
  constructor(
    doing: string,
    readonly code: string,
    options: ErrorOptions,
  ) {
    super(`${doing}: ClickHouse answered with code ${code}: ${messageOf(options.cause)}`, options);
  }
}

/** An exception's text, without the size and tag that ClickHouse since 25.11 puts behind it. */
const EXCEPTION = /Code: \d+\. DB::.*?(?=\s+\d+ \w+\s+__exception__|$)/s;

/** ClickHouse failed after the first bytes of its answer, or the answer ended before it was whole. */
export class ClickHouseTruncatedError extends Error {
  override readonly name = 'ClickHouseTruncatedError';

  /**
   * @param doing what was being read, for the message
   * @param tail the last bytes that came, which may hold the exception's text
   */
  constructor(doing: string, tail: string, options?: ErrorOptions) {
    const exception = EXCEPTION.exec(tail)?.[0].trim();
    super(
      `${doing}: the answer of ClickHouse is not whole${exception === undefined ? '' : `: ${exception}`}`,
      options,
    );
  }
}

/** Turns what the client library throws into one of ours; aborts pass through unchanged. */
export function wrapClickHouseError(doing: string, hosts: readonly string[], cause: unknown): unknown {
  if (cause instanceof ServerException) return new ClickHouseQueryError(doing, cause.code, { cause });
  if (isConnectionError(cause)) return new ClickHouseUnreachableError(doing, hosts, { cause });
  return cause;
}

/** Tells a broken or refused connection (try the next host) from everything else. */
export function isConnectionError(cause: unknown): boolean {
  if (!isError(cause) || cause.name === 'AbortError') return false;
  if (networkErrorCode(cause) !== undefined) return true;
  return /timeout error|socket hang up|aborted by the server/i.test(cause.message);
}

function messageOf(cause: unknown): string {
  return isError(cause) ? cause.message || cause.name : String(cause);
}
