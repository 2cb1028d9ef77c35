import { ClickHouseQueryError, ClickHouseUnreachableError } from '../../../clickhouse/errors.js';

/**
 * ClickHouse's codes of which others tell: a table or database that is not there (the look at the tables), a user who is
 * not let in (the look at ClickHouse itself).
 */
const TOLD = new Set(['60', '81', '192', '193', '194', '516']);

/** Tells whether another look finds what an error says, so that it need not be said once more. */
export function isToldElsewhere(error: unknown): boolean {
  return (
    error instanceof ClickHouseUnreachableError ||
    (error instanceof ClickHouseQueryError && TOLD.has(error.code))
  );
}
