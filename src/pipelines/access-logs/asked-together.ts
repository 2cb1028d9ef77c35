import { ClickHouseUnreachableError } from '../../clickhouse/errors.js';

/** Most orders that one statement asks for. */
const MOST_ORDERS = 500;

/** Members from which on a group is one of many orders. */
const MANY = 20;

/**
 * How long one waits for others, in ms: no more than what a statement takes ClickHouse, and nothing beside the minutes
 * that records wait for their order. While orders come in hundreds, the next hundred is waited for.
 *
 * @param members of the last group
 */
export function lingerMs(members: number): number {
  return members >= MANY ? 300 : 20;
}

/** How requests to ClickHouse are grouped: one that is away is away for all of the group. */
export const ASKED_TOGETHER = {
  mostMembers: MOST_ORDERS,
  lingerMs,
  isCommon: (error: unknown): boolean => error instanceof ClickHouseUnreachableError,
} as const;
