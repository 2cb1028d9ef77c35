import { describe, expect, test } from '@jest/globals';
import { historyPoints, missingStretch, togetherWith } from '../../src/dashboard/history/series.js';
import type { KeptMinute, MinuteCounts } from '../../src/dashboard/history/store.js';

const counts = (records: number, failures = 0): MinuteCounts => ({
  ...{ records, objects: 1, failures },
  ...{ lagP50Seconds: 1, lagP99Seconds: 2 },
});

const kept = (...minutes: readonly number[]): Map<number, KeptMinute> =>
  new Map(minutes.map((minute) => [minute, { figures: counts(minute) }]));

describe('the points of a history', () => {
  test('end with the last minute that has ended, and are null where nothing is known', () => {
    const minutes = new Map<number, KeptMinute>([
      [999, { figures: counts(7), backlog: 3 }],
      [998, { backlog: 4 }],
      [1000, { figures: counts(9) }],
    ]);
    const points = historyPoints(minutes, 'hour', 1000 * 60_000 + 59_999);
    expect(points).toHaveLength(60);
    expect(points.at(-1)).toMatchObject({ records: 7, lagP50Seconds: 1, backlogRecords: 3 });
    expect(points.at(-2)).toMatchObject({ records: null, lagP50Seconds: null, backlogRecords: 4 });
    expect(points[0]).toEqual({
      at: new Date(940 * 60_000).toISOString(),
      ...{ records: null, objects: null, failures: null },
      ...{ lagP50Seconds: null, lagP99Seconds: null, backlogRecords: null },
    });
  });
});

describe('what is asked for again', () => {
  test('is the newest stretch of which nothing is known, an hour at most', () => {
    expect(missingStretch(kept(), 1000, 0)).toEqual({ from: 940, to: 1000 });
    expect(missingStretch(kept(997, 998, 999), 1000, 0)).toEqual({ from: 937, to: 997 });
    expect(missingStretch(kept(999, 997), 1000, 980)).toEqual({ from: 980, to: 999 });
    expect(missingStretch(new Map([[999, { backlog: 1 }]]), 1000, 999)).toEqual({ from: 999, to: 1000 });
  });

  test('is nothing when all is known', () => {
    expect(missingStretch(kept(998, 999), 1000, 998)).toBeUndefined();
  });

  test('makes nothing less: what was seen once has happened', () => {
    expect(togetherWith(counts(5, 2), counts(3, 0))).toMatchObject({ records: 5, failures: 2 });
    expect(togetherWith(undefined, counts(3))).toEqual(counts(3));
    expect(togetherWith(counts(3), { ...counts(0), lagP50Seconds: null })).toMatchObject({
      lagP50Seconds: 1,
    });
  });
});
