import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { median, quantile, ratioByRound, summarize } from '../../bench/statistics.js';

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });

describe('quantile', () => {
  test.each([
    [[1], 0.5, 1],
    [[1, 2], 0.5, 1.5],
    [[3, 1, 2], 0.5, 2],
    [[10, 20, 30, 40, 50], 0.95, 48],
    [[10, 20, 30, 40, 50], 0, 10],
    [[10, 20, 30, 40, 50], 1, 50],
  ])('of %p at %p is %p', (values, share, expected) => {
    expect(quantile(values, share)).toBeCloseTo(expected);
  });

  test('of no numbers does not exist', () => {
    expect(() => median([])).toThrow(RangeError);
  });

  test('never lies outside of the numbers, and grows with its share', () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const found = quantile(values, share);
        expect(found).toBeGreaterThanOrEqual(quantile(values, 0));
        expect(found).toBeLessThanOrEqual(quantile(values, 1));
        expect(found).toBeGreaterThanOrEqual(quantile(values, share / 2) - 1e-6);
      }),
    );
  });
});

describe('a summary', () => {
  test('tells the middle, the ends and how far a usual value is from the middle', () => {
    expect(summarize([5, 1, 2, 100, 4])).toEqual({
      median: 4,
      min: 1,
      max: 100,
      mad: 2,
      values: [5, 1, 2, 100, 4],
    });
  });

  test('has a spread of 0 for one value', () => {
    expect(summarize([7])).toMatchObject({ median: 7, min: 7, max: 7, mad: 0 });
  });
});

describe('a ratio', () => {
  test('compares what was measured in the same round', () => {
    expect(ratioByRound([10, 40, 30], [10, 20, 10])).toMatchObject({ median: 2, min: 1, max: 3 });
  });

  test('of different numbers of rounds is refused', () => {
    expect(() => ratioByRound([1, 2], [1])).toThrow(RangeError);
  });
});
