import { ClickHouseUnreachableError } from '../../clickhouse/errors.js';

/** Most orders that one statement asks for. */
const MOST_ORDERS = 200;

/**
 * How long one waits for others, in ms: less than what understanding a statement costs ClickHouse, and nothing beside
 * the minutes that records wait for their order.
 */
export const LINGER_MS = 20;

/** How requests to ClickHouse are grouped: one that is away is away for all of the group. */
export const ASKED_TOGETHER = {
  mostMembers: MOST_ORDERS,
  lingerMs: LINGER_MS,
  isCommon: (error: unknown): boolean => error instanceof ClickHouseUnreachableError,
} as const;
