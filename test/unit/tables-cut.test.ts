import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChecksumOf, crcOfKey } from '../../src/pipelines/tables/checksum.js';
import { Cutter, type Chunk, type Cut } from '../../src/pipelines/tables/cut.js';
import { RunCursor, runsIn, RunWriter } from '../../src/pipelines/tables/runs.js';

/** Keys of a table, in chunks as the database answers them: with the keys where some are missing. */
function chunksFrom(keys: readonly number[], size: number): readonly Chunk[] {
  const groups = new Map<number, number[]>();
  for (const key of keys) {
    const chunk = Math.floor(key / size);
    groups.set(chunk, [...(groups.get(chunk) ?? []), key]);
  }
  return [...groups.values()].map((group) => {
    const [from = 0, to = 0] = [group[0], group.at(-1)];
    return group.length === to - from + 1 ? { from, to } : { from, to, keys: group };
  });
}

function cutsOf(
  keys: readonly number[],
  { after = 0, settledUpTo = 0, min = 1, max = 1000, most = 100, chunkSize = 10 },
): readonly Cut[] {
  const cutter = new Cutter(after, settledUpTo, { min, max }, most);
  for (const chunk of chunksFrom(keys, chunkSize)) cutter.add(chunk);
  return cutter.finish();
}

function keysIn({ after, upTo, missing }: Cut): readonly number[] {
  const gaps = new RunCursor(runsIn(missing, after));
  return Array.from({ length: upTo - after }, (_, index) => after + 1 + index).filter(
    (key) => !gaps.has(key),
  );
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

test.each([
  { what: 'takes all where nothing is missing', keys: range(1, 25), settledUpTo: 0, ends: [25] },
  {
    what: 'ends before the first young gap',
    keys: [...range(1, 9), ...range(11, 30)],
    settledUpTo: 0,
    ends: [9],
  },
  { what: 'goes past an old gap', keys: [...range(1, 9), ...range(11, 30)], settledUpTo: 10, ends: [30] },
  { what: 'goes past old gaps up to the first young one', keys: [1, 3, 5, 8], settledUpTo: 4, ends: [5] },
  {
    what: 'takes nothing when the very first key is missing and young',
    keys: [2, 3],
    settledUpTo: 0,
    ends: [],
  },
  {
    what: 'takes what has settled although its first key is missing',
    keys: [2, 3],
    settledUpTo: 1,
    ends: [3],
  },
])('a batch $what', ({ keys, settledUpTo, ends }) => {
  expect(cutsOf(keys, { settledUpTo }).map(({ upTo }) => upTo)).toEqual(ends);
});

test('batches are as large as the destination takes them, and the last one waits until it is large enough', () => {
  const sizes = (rows: number, min: number, max: number): readonly number[] =>
    cutsOf(range(1, rows), { min, max }).map(({ records }) => records);
  expect(sizes(49, 50, 100)).toEqual([]);
  expect(sizes(50, 50, 100)).toEqual([50]);
  expect(sizes(230, 50, 100)).toEqual([100, 100]);
  expect(sizes(250, 50, 100)).toEqual([100, 100, 50]);
  expect(cutsOf(range(1, 250), { min: 50, max: 100, most: 1 }).map(({ records }) => records)).toEqual([100]);
});

const keySets = fc
  .uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 200 })
  .map((keys) => keys.sort((a, b) => a - b));

test('each key that is taken is in exactly one batch, and none that was missing is in any', () => {
  fc.assert(
    fc.property(
      keySets,
      fc.record({
        settledUpTo: fc.integer({ min: 0, max: 450 }),
        min: fc.integer({ min: 1, max: 20 }),
        max: fc.integer({ min: 20, max: 60 }),
        chunkSize: fc.integer({ min: 1, max: 50 }),
      }),
      (keys, limits) => {
        const cuts = cutsOf(keys, limits);
        const taken = cuts.flatMap(keysIn);
        expect(taken).toEqual(keys.slice(0, taken.length));
        let end = 0;
        for (const cut of cuts) {
          const own = keysIn(cut);
          expect(cut.after).toBe(end);
          expect(own.at(-1)).toBe(cut.upTo);
          expect(own[0]).toBe(cut.firstKey);
          expect(own).toHaveLength(cut.records);
          expect(cut.records).toBeGreaterThanOrEqual(limits.min);
          expect(cut.records).toBeLessThanOrEqual(limits.max);
          const checksum = new ChecksumOf();
          for (const key of own) checksum.key(key);
          expect(cut.checksum).toBe(checksum.text);
          end = cut.upTo;
        }
        // Nothing is taken behind a gap that is young.
        const firstYoung =
          range(1, 400).find((key) => key > limits.settledUpTo && !keys.includes(key)) ?? 401;
        expect(end).toBeLessThan(firstYoung);
        // What is left is too little, or lies behind such a gap.
        const rest = keys.filter((key) => key > end && key < firstYoung);
        expect(rest.length).toBeLessThan(limits.min);
      },
    ),
  );
});

test('runs of keys are read as they were written', () => {
  const runs = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 50 }), { maxLength: 60 }).map((ends) => {
    const sorted = ends.sort((a, b) => a - b);
    return sorted.flatMap((to, index) =>
      index % 2 === 1 && to > (sorted[index - 1] ?? 0) ? [{ from: sorted[index - 1] ?? 0, to }] : [],
    );
  });
  fc.assert(
    fc.property(runs, (given) => {
      const separate = given.filter(({ from }, index) => from > (given[index - 1]?.to ?? -1) + 1);
      const writer = new RunWriter(0);
      for (const { from, to } of separate) writer.add(from, to);
      expect([...runsIn(writer.finish(), 0)]).toEqual(separate);
    }),
  );
});

test('the checksum of a key is the CRC-32 of its decimal text', () => {
  // As MariaDB answers for SELECT CRC32(0), CRC32(12345), CRC32(9007199254740991).
  expect([0, 12_345, 9_007_199_254_740_991].map(crcOfKey)).toEqual([
    4_108_050_209, 3_421_846_044, 3_443_334_683,
  ]);
});
