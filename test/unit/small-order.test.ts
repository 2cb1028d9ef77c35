import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { constantSql } from '../../src/clickhouse/constant.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import {
  isFetchedInGroup,
  isSmallOrder,
  reachOf,
  RECORDS_A_GROUP,
  SMALL_ORDER_RECORDS,
  weightOf,
} from '../../src/pipelines/access-logs/small-order.js';
import { lanesOf, SmallInFlight } from '../../src/processors/small-in-flight.js';

const NOON = Date.UTC(2026, 0, 2, 12) / 1000;

/** An order of so many records between two times, in seconds since 1970; from the very beginning for null. */
function orderIn(records: number, after: number | null, upTo: number): AccessLogOrder {
  const offset = (seconds: number): { insertedAt: string; startTime: string; reqId: string } => {
    const time = new Date(seconds * 1000).toISOString();
    return { insertedAt: time.replace('.000Z', 'Z'), startTime: time, reqId: 'R' };
  };
  const time = new Date(upTo * 1000).toISOString();
  const cut = { upTo: offset(upTo), records, firstStartTime: time, oldestAt: time.replace('.000Z', 'Z') };
  return orderOf({ bucket: 'b', raftSession: 1 }, after === null ? null : offset(after), cut, time);
}

describe('an order', () => {
  test.each<[string, number, number | null, boolean]>([
    ['a quiet bucket', 20, NOON - 900, true],
    ['a bucket that was quiet for two days', 20, NOON - 172_800, true],
    ['a new bucket', SMALL_ORDER_RECORDS, null, true],
    ['a bucket that logs a record a second', 900, NOON - 900, true],
    ['a busy bucket, a small piece of what was ready', 500, NOON - 1, true],
    ['a very busy bucket, a small piece of what was ready', 2000, NOON - 1, false],
    ['a bucket with many records', SMALL_ORDER_RECORDS + 1, NOON - 900, false],
  ])('of %s is fetched with others or alone', (_, records, after, together) => {
    expect(isFetchedInGroup(orderIn(records, after, NOON))).toBe(together);
  });

  const anyOrder = fc
    .record({
      records: fc.integer({ min: 1, max: 2 * SMALL_ORDER_RECORDS }),
      seconds: fc.option(fc.oneof(fc.nat(7200), fc.nat(2_000_000))),
      upTo: fc.integer({ min: NOON - 100_000, max: NOON }),
    })
    .map(({ records, seconds, upTo }) => orderIn(records, seconds === null ? null : upTo - seconds, upTo));

  test('that is fetched with others is small, and fits into a group many times', () => {
    fc.assert(
      fc.property(anyOrder, (order) => {
        if (!isFetchedInGroup(order)) return;
        expect(isSmallOrder(order)).toBe(true);
        expect(weightOf(order)).toBeGreaterThanOrEqual(order.records);
        expect(weightOf(order)).toBeLessThanOrEqual(RECORDS_A_GROUP / 4);
      }),
    );
  });

  test('makes none of those of equal reach read much more than it reads alone', () => {
    fc.assert(
      fc.property(anyOrder, anyOrder, (a, b) => {
        fc.pre(reachOf(a) === reachOf(b));
        expect(a.after === null).toBe(b.after === null);
        if (a.after === null || b.after === null) return;
        const [afters, ends] = [
          [a.after, b.after].map((offset) => Date.parse(offset.insertedAt) / 60_000),
          [a, b].map(({ upTo }) => Date.parse(upTo.insertedAt) / 60_000),
        ];
        const together = Math.max(...ends) - Math.min(...afters);
        const own = Math.max(0.5, (ends[0] ?? 0) - (afters[0] ?? 0));
        expect(together).toBeLessThanOrEqual(4 * own);
      }),
      { numRuns: 2000 },
    );
  });
});

test('a worker has places for all large orders that it may have, and one more for each small one, up to a limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      fc.array(fc.boolean(), { maxLength: 60 }),
      async (large, most, steps) => {
        const worker = { concurrency: large };
        const small = new SmallInFlight(worker, large, most);
        const ends: (() => void)[] = [];
        const all: Promise<void>[] = [];
        for (const begins of steps) {
          if (begins) all.push(small.during(1, () => new Promise((resolve) => ends.push(resolve))));
          else ends.shift()?.();
          await Promise.resolve();
          await new Promise((resolve) => setImmediate(resolve));
          expect(worker.concurrency).toBe(large + Math.min(ends.length, most));
        }
        for (const end of ends) end();
        await Promise.all(all);
        expect(worker.concurrency).toBe(large);
      },
    ),
    { numRuns: 50 },
  );
});

test('a worker takes no small order while those that it has have as many records as it may hold, and as before then', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 60 }),
      async (orders) => {
        const worker = { concurrency: 3 };
        const small = new SmallInFlight(worker, 3, 1000, 5000);
        const ends: (() => void)[] = [];
        const all: Promise<void>[] = [];
        let [records, running] = [0, 0];
        for (const order of orders) {
          if (running >= worker.concurrency) break;
          expect(records).toBeLessThan(5000 + 3 * 1000);
          records += order;
          running += 1;
          all.push(small.during(order, () => new Promise((resolve) => ends.push(resolve))));
        }
        expect(records).toBeLessThan(5000 + 4 * 1000);
        expect(worker.concurrency).toBeGreaterThanOrEqual(3);
        for (const end of ends) end();
        await Promise.all(all);
        expect(worker.concurrency).toBe(3);
      },
    ),
    { numRuns: 200 },
  );
});

test('the workers of a process may have together what the process may have, each a part of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(10_000), (large, small) => {
      const lanes = lanesOf({ 'consumer.num-workers': large, 'consumer.small-orders-in-flight': small });
      const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
      expect(sum(lanes.map((lane) => lane['consumer.num-workers']))).toBe(large);
      expect(sum(lanes.map((lane) => lane['consumer.small-orders-in-flight']))).toBe(small);
      expect(Math.min(...lanes.map((lane) => lane['consumer.num-workers']))).toBeGreaterThan(0);
      expect(lanes.length).toBeLessThanOrEqual(4);
    }),
  );
});

test('a small order that fails gives its place back', async () => {
  const worker = { concurrency: 3 };
  const failing = new SmallInFlight(worker, 3, 5).during(1, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(worker.concurrency).toBe(3);
});

test('nothing in a constant can be anything but part of its value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant("\ud800') OR 1")), (text) => {
      expect(constantSql('String', text)).toMatch(/^JSONExtract\(unhex\('(?:[0-9a-f]{2})+'\), 'String'\)$/);
    }),
  );
});
