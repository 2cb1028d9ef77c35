import { ClickHouseUnreachableError } from '../../clickhouse/errors.js';
import type { GroupOptions } from '../group-loader.js';

/** Most orders that one statement asks for. */
const MOST_ORDERS = 500;

/** Orders from which on they are a crowd. */
const MANY = 20;
/** How long an order waits for others that is in no crowd, in ms: less than what a statement takes ClickHouse. */
const LEAST_MS = 20;
/** Longest wait in a crowd, in ms. */
const MOST_MS = 1000;
/** Part of the time that an order takes for which it waits for others, each of the three or four times that it does. */
const PATIENCE = 0.2;
/** Weight of the latest order in the average. */
const LATEST = 0.05;

/**
 * The orders that a process is delivering. In a crowd each waits most of its time for all the others, so it may as well
 * wait until more of them have come to where it is: a statement for many costs ClickHouse little more than one for
 * a few. How long is a part of the time that orders take at the moment, whatever it is that they wait for.
 */
export class Crowd {
  #size = 0;
  #averageMs = 0;

  /** Counts an order until its delivery has ended, well or not. */
  async during<Result>(deliver: () => Promise<Result>): Promise<Result> {
    const began = performance.now();
    this.#size += 1;
    try {
      return await deliver();
    } finally {
      this.#size -= 1;
      this.#averageMs += LATEST * (performance.now() - began - this.#averageMs);
    }
  }

  /** How long one waits for others, in ms: nothing beside the minutes that records wait for their order. */
  get patienceMs(): number {
    if (this.#size < MANY) return LEAST_MS;
    return Math.min(MOST_MS, Math.max(LEAST_MS, PATIENCE * this.#averageMs));
  }
}

/** How requests to ClickHouse are grouped: one that is away is away for all of the group. */
export function askedTogether(
  crowd: Crowd,
): Pick<GroupOptions<unknown, unknown>, 'mostMembers' | 'lingerMs' | 'isCommon'> {
  return {
    mostMembers: MOST_ORDERS,
    lingerMs: () => crowd.patienceMs,
    isCommon: (error) => error instanceof ClickHouseUnreachableError,
  };
}
