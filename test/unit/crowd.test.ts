import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Crowd } from '../../src/pipelines/access-logs/asked-together.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Lets so many orders begin; the answer ends them all. */
function begin(crowd: Crowd, orders: number): () => Promise<void> {
  const ends: (() => void)[] = [];
  const all = Array.from({ length: orders }, () =>
    crowd.during(() => new Promise<void>((resolve) => ends.push(resolve))),
  );
  return async () => {
    for (const end of ends) end();
    await Promise.all(all);
  };
}

/** Has the crowd see many orders that take so long. */
async function see(crowd: Crowd, orderMs: number): Promise<void> {
  const end = begin(crowd, 200);
  jest.advanceTimersByTime(orderMs);
  await end();
}

describe('an order waits for others', () => {
  test('a moment when few are under way, however long they take', async () => {
    const crowd = new Crowd();
    expect(crowd.patienceMs).toBe(20);
    await see(crowd, 60_000);
    const end = begin(crowd, 19);
    expect(crowd.patienceMs).toBe(20);
    await end();
  });

  test.each([
    [10, 20],
    [2000, 400],
    [60_000, 1000],
  ])('in a crowd of which each takes %i ms, about %i ms', async (orderMs, expected) => {
    const crowd = new Crowd();
    await see(crowd, orderMs);
    const end = begin(crowd, 20);
    expect(crowd.patienceMs).toBeGreaterThan(0.99 * expected);
    expect(crowd.patienceMs).toBeLessThanOrEqual(expected);
    await end();
  });

  test('no longer than before when others have failed', async () => {
    const crowd = new Crowd();
    const failing = crowd.during(() => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(crowd.patienceMs).toBe(20);
  });
});
