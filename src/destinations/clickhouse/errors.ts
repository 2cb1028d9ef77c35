import {
  ClickHouseQueryError,
  ClickHouseTruncatedError,
  ClickHouseUnreachableError,
  isConnectionError,
} from '../../clickhouse/errors.js';
import { StoreError } from '../errors.js';

/**
 * Codes after which no retry helps until somebody changes something: a table, a column, a right, a statement.
 * https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
 */
const PERMANENT = new Set([
  8, 10, 15, 16, 20, 36, 43, 44, 46, 47, 48, 50, 53, 60, 62, 70, 73, 80, 81, 115, 117, 192, 193, 194, 195,
  349, 386, 497, 516,
]);

/** An error of ClickHouse, or of the way to it, as one of ours; all others as they are. */
export function clickHouseError(doing: string, error: unknown, notes: readonly string[]): unknown {
  const hint = notes.length === 0 ? '' : `; ${notes.join('; ')}`;
  if (
    error instanceof ClickHouseUnreachableError ||
    (error instanceof ClickHouseTruncatedError && isConnectionError(error.cause))
  ) {
    const { cause } = error;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new StoreError(
      {
        store: 'clickhouse',
        doing,
        code: 'Unreachable',
        permanent: false,
        away: true,
        answer: `no answer from ClickHouse (${why})${hint}`,
      },
      { cause: error },
    );
  }
  if (!(error instanceof ClickHouseQueryError)) return error;
  return new StoreError(
    {
      store: 'clickhouse',
      doing,
      code: `ClickHouse${error.code}`,
      permanent: PERMANENT.has(Number(error.code)),
      away: false,
      answer: error.message,
    },
    { cause: error },
  );
}
