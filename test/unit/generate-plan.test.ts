import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planGeneration } from '../../src/pipelines/access-logs/generate/plan.js';

const now = new Date('2026-11-22T12:00:00.700Z');
const options = { rows: 1000, seed: 1, now };

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET_NAME = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

describe('the plan of a generation', () => {
  test('fills in 50 source buckets, 5 target buckets and the last 15 minutes', () => {
    expect(planGeneration(options)).toMatchObject({
      sourceBuckets: 50,
      targetBuckets: { length: 5 },
      firstInsertedAt: new Date('2026-11-22T11:45:00Z'),
      lastInsertedAt: new Date('2026-11-22T12:00:00Z'),
      quietShare: 0,
    });
  });

  test('ends the span the given age before now', () => {
    expect(planGeneration({ ...options, spanSeconds: 60, ageSeconds: 3600 })).toMatchObject({
      firstInsertedAt: new Date('2026-11-22T10:59:00Z'),
      lastInsertedAt: new Date('2026-11-22T11:00:00Z'),
    });
  });

  test('names target buckets that are different and that S3 takes', () => {
    const { targetBuckets } = planGeneration({ ...options, targetBuckets: 100 });
    expect(new Set(targetBuckets).size).toBe(100);
    for (const name of targetBuckets) expect(name).toMatch(BUCKET_NAME);
    for (const name of targetBuckets) expect(name).toContain('-logs-');
  });

  test('names the same target buckets again when there are more of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), (count) => {
        const few = planGeneration({ ...options, targetBuckets: count }).targetBuckets;
        const more = planGeneration({ ...options, targetBuckets: count + 1 }).targetBuckets;
        expect(more.slice(0, count)).toEqual(few);
      }),
    );
  });

  test.each([
    [{ rows: 0 }, /^rows: 0 is not allowed/],
    [{ rows: 1.5 }, /^rows/],
    [{ seed: -1 }, /^seed/],
    [{ sourceBuckets: 0 }, /^source buckets/],
    [{ targetBuckets: 101 }, /^target buckets: 101 is not allowed; give a whole number from 1 to 100/],
    [{ spanSeconds: -1 }, /^span/],
    [{ ageSeconds: Number.NaN }, /^age/],
    [{ quietShare: 1.1 }, /^quiet share/],
  ])('refuses %j with a message that names it', (wrong, message) => {
    expect(() => planGeneration({ ...options, ...wrong })).toThrow(RangeError);
    expect(() => planGeneration({ ...options, ...wrong })).toThrow(message);
  });
});
