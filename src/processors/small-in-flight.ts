import type { Settings } from '../config/settings.js';

/** Most workers that take orders from one queue in a process. */
const LANES = 4;

/**
 * Records of small orders from which on a worker takes no more of them: bounds what a process holds in memory. A record
 * has some 450 bytes, so all workers together hold some 45 MB.
 */
const RECORDS_A_LANE = 25_000;

/** What one of the workers of a process may have in flight. */
export type Lane = Pick<Settings, 'consumer.num-workers' | 'consumer.small-orders-in-flight'>;

/**
 * Divides what a process may have in flight among several workers. A worker takes one order after the other, each with
 * a question to Redis, and with many small ones that is what they wait for.
 */
export function lanesOf(settings: Lane): Lane[] {
  const [large, small] = [settings['consumer.num-workers'], settings['consumer.small-orders-in-flight']];
  const lanes = small === 0 ? 1 : Math.min(LANES, large);
  const share = (all: number, lane: number): number => Math.floor((all + lane) / lanes);
  return Array.from({ length: lanes }, (_, lane) => ({
    'consumer.num-workers': share(large, lane),
    'consumer.small-orders-in-flight': share(small, lane),
  }));
}

/** A worker whose concurrency can be changed while it runs. */
export interface Adjustable {
  concurrency: number;
}

/**
 * Has a worker take small orders beside the large ones. Nobody knows how large an order is before it has been taken,
 * so there is always room for as many large ones as the worker may have, and one place more for each small one that is
 * under way: whatever the next order is, the large ones are never too many. While all of that room is taken by large
 * orders no small ones are taken either. And while the small ones have as many records as a worker may hold, there is
 * no more room than they take.
 */
export class SmallInFlight {
  readonly #worker: Adjustable;
  readonly #large: number;
  readonly #most: number;
  readonly #mostRecords: number;
  #count = 0;
  #records = 0;

  /**
   * @param large most large orders at the same time
   * @param most most places that are added for small ones
   * @param mostRecords records of small ones from which on none is added
   */
  constructor(worker: Adjustable, large: number, most: number, mostRecords = RECORDS_A_LANE) {
    this.#worker = worker;
    this.#large = large;
    this.#most = most;
    this.#mostRecords = mostRecords;
  }

  /** Counts a small order until its delivery has ended, well or not. */
  async during<Result>(records: number, deliver: () => Promise<Result>): Promise<Result> {
    this.#add(1, records);
    try {
      return await deliver();
    } finally {
      this.#add(-1, -records);
    }
  }

  #add(orders: 1 | -1, records: number): void {
    this.#count += orders;
    this.#records += records;
    this.#worker.concurrency =
      this.#records < this.#mostRecords
        ? this.#large + Math.min(this.#count, this.#most)
        : Math.max(this.#large, this.#count);
  }
}
