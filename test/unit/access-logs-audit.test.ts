import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { betweenOrders } from '../../src/pipelines/access-logs/audit.js';
import type { BookEntry } from '../../src/pipelines/access-logs/book-row.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { groupFailures } from '../../src/pipelines/access-logs/status.js';
import { offsetAt, orderBetween } from '../support/orders.js';

const entries = (...orders: readonly AccessLogOrder[]) => orders.map((order) => ({ order }));
const none = { gaps: [], overlaps: [], before: [] };
const range = (after: number | undefined, upTo: number, bucket = 'source-bucket') => ({
  bucket,
  raftSession: 7,
  after: after === undefined ? null : offsetAt(after),
  upTo: offsetAt(upTo),
});

describe('between the orders of a source', () => {
  test('nothing is wrong when each begins where the one before ends', () => {
    expect(betweenOrders(entries(orderBetween(undefined, 3), orderBetween(3, 5)))).toEqual(none);
    expect(betweenOrders([])).toEqual(none);
  });

  test('what stands before the first one is told apart', () => {
    expect(betweenOrders(entries(orderBetween(2, 3)))).toEqual({ ...none, before: [range(undefined, 2)] });
  });

  test('a range that none covers is a gap', () => {
    expect(betweenOrders(entries(orderBetween(undefined, 3), orderBetween(4, 5)))).toEqual({
      ...none,
      gaps: [range(3, 4)],
    });
  });

  test.each([
    ['in part', orderBetween(2, 5), range(2, 3)],
    ['wholly, inside another', orderBetween(1, 2), range(1, 2)],
    ['from the beginning', orderBetween(undefined, 5), range(undefined, 3)],
  ])('a range that two cover %s is an overlap', (_, second, overlap) => {
    expect(betweenOrders(entries(orderBetween(undefined, 3), second))).toEqual({
      ...none,
      overlaps: [overlap],
    });
  });

  test('an order inside another one hides no gap behind it', () => {
    const found = betweenOrders(entries(orderBetween(undefined, 5), orderBetween(1, 2), orderBetween(6, 7)));
    expect(found).toEqual({ ...none, overlaps: [range(1, 2)], gaps: [range(5, 6)] });
  });

  test('sources have nothing to do with each other', () => {
    const orders = [orderBetween(undefined, 3), orderBetween(undefined, 5, 'other-bucket')];
    expect(betweenOrders(entries(...orders))).toEqual(none);
    const otherSession = { ...orderBetween(undefined, 3), raftSession: 8 };
    expect(betweenOrders(entries(orderBetween(undefined, 3), otherSession))).toEqual(none);
  });

  test('every second is told as covered, as a gap or as before, whatever the orders are', () => {
    const bounds = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(bounds, { minLength: 1, maxLength: 6 }), (given) => {
        const orders = given.map(([after, length]) => orderBetween(after, after + length));
        const { gaps, overlaps, before } = betweenOrders(entries(...orders));
        const last = Math.max(...given.map(([after, length]) => after + length));
        for (let second = 1; second <= last; second += 1) {
          const covering = given.filter(
            ([after, length]) => second > after && second <= after + length,
          ).length;
          const told = [...gaps, ...before].filter((one) => holds(one, second)).length;
          expect(told).toBe(covering === 0 ? 1 : 0);
          expect(overlaps.filter((one) => holds(one, second))).toHaveLength(Math.max(0, covering - 1));
        }
      }),
    );
  });
});

function holds({ after, upTo }: Pick<AccessLogOrder, 'after' | 'upTo'>, second: number): boolean {
  const { insertedAt } = offsetAt(second);
  return (after === null || insertedAt > after.insertedAt) && insertedAt <= upTo.insertedAt;
}

describe('failed orders', () => {
  const failed = (source: string, failureCode: string, failureReason = 'why'): BookEntry => ({
    order: { ...orderBetween(undefined, 3, source), records: 10 },
    state: 'failed',
    deliveredRecords: 0,
    objects: [],
    failureCode,
    failureReason,
    failureTargets: [],
    failingSince: undefined,
    deliveries: [],
    skip: undefined,
    updatedAt: '2026-01-02T00:00:00.000Z',
    revision: 2,
  });

  test('are grouped by code and reason, the largest group first', () => {
    const groups = groupFailures([
      failed('z', 'AccessDenied'),
      failed('b', 'NoSuchBucket'),
      failed('a', 'NoSuchBucket'),
      failed('a', 'NoSuchBucket'),
      failed('a', 'AccessDenied', 'another reason'),
    ]);
    expect(groups).toMatchObject([
      { code: 'NoSuchBucket', reason: 'why', sources: ['a', 'b'], orders: 3, records: 30 },
      { code: 'AccessDenied', reason: 'why', sources: ['z'], orders: 1, records: 10 },
      { code: 'AccessDenied', reason: 'another reason', sources: ['a'], orders: 1, records: 10 },
    ]);
  });

  test('of very many sources name only some of them, and count all', () => {
    const many = Array.from({ length: 50 }, (_, n) => failed(`bucket-${String(n)}`, 'NoSuchBucket'));
    const [group] = groupFailures(many);
    expect(group?.sources).toHaveLength(20);
    expect(group?.orderIds).toHaveLength(5);
    expect(group).toMatchObject({ orders: 50, records: 500 });
  });
});
