import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  accessLogOrderSchema,
  digestOf,
  orderId,
  orderOf,
  orderParameters,
  orderSql,
} from '../../src/pipelines/access-logs/order.js';
import { anyOffset, offsetAt, orderBetween } from '../support/orders.js';

const order = orderBetween(1, 5);

describe('the id of an order', () => {
  test('depends on source and boundaries alone', () => {
    const cut = (records: number, time: string) => ({
      upTo: offsetAt(5),
      records,
      firstStartTime: `${time}.000Z`,
      oldestAt: `${time}Z`,
    });
    const source = { bucket: 'source-bucket', raftSession: 7 };
    const made = orderOf(source, offsetAt(1), cut(9, '2020-01-01T00:00:00'), '2030-01-01T00:00:00.000Z');
    expect(made.id).toBe(order.id);
    expect(order.id).toMatch(/^[0-9a-f]{16}$/);
  });

  test('differs as soon as one of them differs', () => {
    const source = fc.record({
      bucket: fc.constantFrom('a', 'b', 'a"', 'a,1', '["a"'),
      raftSession: fc.constantFrom(0, 1, 11),
      after: fc.option(anyOffset),
      upTo: anyOffset,
    });
    fc.assert(
      fc.property(source, source, (a, b) => {
        expect(orderId(a) === orderId(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test('stays the same over versions of the program', () => {
    expect(orderId(orderBetween(undefined, 5))).toBe('a690a05f702e1778');
  });

  test('is not mixed up with what tells its objects apart', () => {
    expect(digestOf(order, 'ab', 'c')).not.toBe(digestOf(order, 'a', 'bc'));
    expect(digestOf(order).toLowerCase()).toBe(order.id);
  });
});

describe('an order out of a job', () => {
  test('is taken when it is one', () => {
    expect(accessLogOrderSchema.parse(JSON.parse(JSON.stringify(order)))).toEqual(order);
    expect(accessLogOrderSchema.parse(orderBetween(undefined, 5)).after).toBeNull();
  });

  const hostile: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['no object', 'order'],
    ['an id of another form', { ...order, id: 'a:b' }],
    ['an id in capitals', { ...order, id: order.id.toUpperCase().replace(/^./, 'A') }],
    ['no bucket', { ...order, bucket: '' }],
    ['a bucket that is no text', { ...order, bucket: { $gt: '' } }],
    ['a raft session out of range', { ...order, raftSession: 65_536 }],
    ['a raft session with SQL', { ...order, raftSession: '1 OR 1' }],
    ['no upper boundary', { ...order, upTo: null }],
    ['a boundary with SQL', { ...order, upTo: { ...order.upTo, insertedAt: "now()) OR ('1'='1" } }],
    ['boundaries that reach further than those of its id', { ...order, upTo: offsetAt(9) }],
    ['another bucket than that of its id', { ...order, bucket: 'other-bucket' }],
    ['negative records', { ...order, records: -1 }],
    ['records without end', { ...order, records: Infinity }],
    ['a time that leads out of a key', { ...order, firstStartTime: '../../../other' }],
    ['a day that does not exist', { ...order, orderedAt: '2026-02-30T00:00:00.000Z' }],
  ];

  test('is accepted with fields of a version to come, which are left aside', () => {
    const parsed = accessLogOrderSchema.parse({ ...order, priority: 'high', after: order.after });
    expect(parsed).toEqual(accessLogOrderSchema.parse(order));
  });

  test.each(hostile)('is refused with %s', (_, payload) => {
    expect(accessLogOrderSchema.safeParse(payload).success).toBe(false);
  });
});

test('the SQL of an order binds every value, and holds none', () => {
  for (const suffix of ['', '3']) {
    const named = [...orderSql(suffix).matchAll(/\{(\w+):\w+\}/g)].map((match) => match[1]);
    expect([...new Set(named)].sort()).toEqual(Object.keys(orderParameters(order, suffix)).sort());
  }
});
