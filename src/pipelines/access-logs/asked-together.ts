import { ClickHouseUnreachableError } from '../../clickhouse/errors.js';

/** Most orders that one statement asks for. */
const MOST_ORDERS = 200;

/** How requests to ClickHouse are grouped: one that is away is away for all of the group. */
export const ASKED_TOGETHER = {
  mostMembers: MOST_ORDERS,
  isCommon: (error: unknown): boolean => error instanceof ClickHouseUnreachableError,
} as const;
