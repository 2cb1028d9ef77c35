import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  compareOffsets,
  offsetFrom,
  offsetOrNull,
  offsetSchema,
  rangeParameters,
  rangeSql,
  rawOffsetOf,
} from '../../src/pipelines/access-logs/offset.js';
import { anyOffset, offsetAt } from '../support/orders.js';

const offsets = fc.option(anyOffset, { freq: 9 });

describe('offsets', () => {
  test('are in one total order', () => {
    fc.assert(
      fc.property(offsets, offsets, offsets, (a, b, c) => {
        expect(Math.sign(compareOffsets(a, b))).toBe(-Math.sign(compareOffsets(b, a)) + 0);
        if (compareOffsets(a, b) <= 0 && compareOffsets(b, c) <= 0)
          expect(compareOffsets(a, c)).toBeLessThanOrEqual(0);
        expect(compareOffsets(a, b) === 0).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test('are compared by insertedAt, then startTime, then the bytes of the request id', () => {
    fc.assert(
      fc.property(anyOffset, anyOffset, (a, b) => {
        const [aInserted, aStart] = rawOffsetOf(a);
        const [bInserted, bStart] = rawOffsetOf(b);
        const expected =
          Math.sign(aInserted - bInserted) ||
          Math.sign(aStart - bStart) ||
          Buffer.compare(Buffer.from(a.reqId), Buffer.from(b.reqId));
        expect(Math.sign(compareOffsets(a, b))).toBe(expected);
      }),
    );
  });

  test('with request ids beyond the basic plane follow their bytes, not their UTF-16', () => {
    const [replacement, emoji] = [offsetAt(0, '\u{fffd}'), offsetAt(0, '\u{1f600}')];
    expect(replacement.reqId > emoji.reqId).toBe(true);
    expect(compareOffsets(replacement, emoji)).toBeLessThan(0);
  });

  test('stand behind the beginning, which is null', () => {
    fc.assert(
      fc.property(anyOffset, (offset) => {
        expect(compareOffsets(null, offset)).toBeLessThan(0);
        expect(compareOffsets(offset, null)).toBeGreaterThan(0);
      }),
    );
    expect(compareOffsets(null, null)).toBe(0);
  });

  test('come back from ClickHouse as they were sent', () => {
    fc.assert(
      fc.property(anyOffset, (offset) => {
        expect(offsetFrom(rawOffsetOf(offset))).toEqual(offset);
      }),
    );
    expect(offsetOrNull(rawOffsetOf(null))).toBeNull();
  });

  test('are written with whole seconds and milliseconds, in UTC', () => {
    expect(offsetFrom([1_767_323_045, 1_767_323_045_006, 'R'])).toEqual({
      insertedAt: '2026-01-02T03:04:05Z',
      startTime: '2026-01-02T03:04:05.006Z',
      reqId: 'R',
    });
  });

  test.each([
    ['a time with a fraction', { insertedAt: '2026-01-02T03:04:05.000Z' }],
    ['a time with a zone', { insertedAt: '2026-01-02T03:04:05+02:00' }],
    ['a start without milliseconds', { startTime: '2026-01-02T03:04:05Z' }],
    ['SQL', { insertedAt: '1); DROP TABLE logs' }],
    ['no request id', { reqId: undefined }],
  ])('from outside are refused with %s', (_, wrong) => {
    expect(offsetSchema.safeParse(offsetAt(0)).success).toBe(true);
    expect(offsetSchema.safeParse({ ...offsetAt(0), ...wrong }).success).toBe(false);
  });
});

describe('a range', () => {
  test('binds its two ends, the beginning as the lowest offset', () => {
    expect(rangeParameters(null, offsetAt(1, 'B'), '7')).toEqual({
      afterInsertedAt7: 0,
      afterStartTime7: 0,
      afterReqId7: '',
      upToInsertedAt7: 1_767_312_001,
      upToStartTime7: 1_767_312_001_000,
      upToReqId7: 'B',
    });
  });

  test('binds every parameter that its SQL names, and no value stands in the SQL', () => {
    fc.assert(
      fc.property(offsets, anyOffset, fc.constantFrom('', '1', '24'), (after, upTo, suffix) => {
        const named = [...rangeSql(suffix).matchAll(/\{(\w+):\w+\}/g)].map((match) => match[1]);
        expect([...new Set(named)].sort()).toEqual(Object.keys(rangeParameters(after, upTo, suffix)).sort());
      }),
    );
  });
});
