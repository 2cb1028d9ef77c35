import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Bounds, Candidate, Finder } from '../../src/pipelines/access-logs/candidates.js';
import { compareOffsets, type Offset } from '../../src/pipelines/access-logs/offset.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import {
  planLook,
  progressAfter,
  progressFrom,
  type Circumstances,
  type Progress,
} from '../../src/pipelines/access-logs/progress.js';
import type { ReadySource } from '../../src/pipelines/access-logs/ready.js';
import { findWaiting, leftOf } from '../../src/pipelines/access-logs/waiting.js';

const START = 1_800_000_000;
const DELAY = 60;
const AGE = 900;
const RETAINED = 3 * 86_400;

/** A record of the model. */
interface Stored {
  readonly bucket: string;
  readonly offset: Offset;
  readonly insertedAt: number;
  readonly arrived: number;
  readonly counted: boolean;
}

const minuteOf = (seconds: number): number => Math.floor(seconds / 60) * 60;
const secondsOf = ({ insertedAt }: Offset): number => Date.parse(insertedAt) / 1000;

/** ClickHouse as a list: records, positions, and the arrivals that the view has counted. */
class Model {
  readonly records: Stored[] = [];
  readonly positions = new Map<string, Offset>();
  now = START;
  upSince = START - 100_000;
  viewSince: number | undefined = START - 100_000;
  progress: string | undefined;
  overcount = 1;

  insert(bucket: string, lag: number, counted = this.viewSince !== undefined): void {
    const insertedAt = this.now - lag;
    const iso = new Date(insertedAt * 1000).toISOString();
    const reqId = String(this.records.length).padStart(6, '0');
    const offset = { insertedAt: iso.replace('.000Z', 'Z'), startTime: iso, reqId };
    this.records.push({ bucket, offset, insertedAt, arrived: minuteOf(this.now), counted });
  }

  waiting(bucket: string, from: number, horizon: number): ReadySource | undefined {
    const after = this.positions.get(bucket) ?? null;
    const found = this.records
      .filter((one) => one.bucket === bucket && one.insertedAt >= from && one.insertedAt <= horizon)
      .filter(({ offset }) => compareOffsets(offset, after) > 0)
      .sort((a, b) => compareOffsets(a.offset, b.offset));
    const [first, last] = [found.at(0)?.offset, found.at(-1)?.offset];
    if (first === undefined || last === undefined) return undefined;
    const cut = { upTo: last, firstStartTime: first.startTime, oldestAt: first.insertedAt };
    return { bucket, raftSession: 1, after, waiting: { records: found.length, ...cut } };
  }

  get buckets(): readonly string[] {
    return [...new Set(this.records.map(({ bucket }) => bucket))].sort();
  }

  /** What waits and is old enough, found by looking at everything. */
  ready(): readonly string[] {
    return this.buckets.filter((bucket) => {
      const waiting = this.waiting(bucket, 0, this.now - DELAY);
      return (
        waiting !== undefined &&
        secondsOf({ ...waiting.waiting.upTo, insertedAt: waiting.waiting.oldestAt }) <= this.now - AGE
      );
    });
  }

  readonly finder: Finder = {
    arrived: (from, { horizon }) => Promise.resolve(this.#arrived(minuteOf(from), horizon)),
    scanned: (from, { horizon }) =>
      Promise.resolve(
        this.buckets.flatMap((bucket): Candidate[] => {
          const exact = this.waiting(bucket, from, horizon);
          if (exact === undefined) return [];
          const firstSeconds = Date.parse(exact.waiting.oldestAt) / 1000;
          return [
            { bucket, raftSession: 1, records: exact.waiting.records, firstSeconds, known: true, exact },
          ];
        }),
      ),
    counted: (candidates, { horizon }) => {
      const from = Math.min(...candidates.map(({ firstSeconds }) => firstSeconds ?? horizon));
      return Promise.resolve(
        candidates.map((candidate) =>
          candidate.exact === undefined
            ? { ...candidate, exact: this.waiting(candidate.bucket, from, horizon) ?? null }
            : candidate,
        ),
      );
    },
  };

  #arrived(from: number, horizon: number): Candidate[] {
    return this.buckets.flatMap((bucket): Candidate[] => {
      const reached = this.positions.get(bucket) ?? null;
      const rows = new Map<number, Stored[]>();
      for (const record of this.records)
        if (record.bucket === bucket && record.counted && record.arrived >= from)
          rows.set(record.arrived, [...(rows.get(record.arrived) ?? []), record]);
      const open = [...rows.entries()].filter(([, row]) =>
        row.some(({ offset }) => compareOffsets(offset, reached) > 0),
      );
      if (open.length === 0) return [];
      const firstOf = (row: readonly Stored[]): number =>
        Math.min(...row.map(({ insertedAt }) => insertedAt));
      const settled = open.filter(([, row]) => firstOf(row) <= horizon);
      const young = open.filter(([, row]) => row.some(({ insertedAt }) => insertedAt > horizon));
      const reachedSeconds = reached === null ? 0 : secondsOf(reached);
      return [
        {
          bucket,
          raftSession: 1,
          records: settled.reduce((sum, [, row]) => sum + row.length, 0) * this.overcount,
          firstSeconds:
            settled.length === 0
              ? undefined
              : Math.min(...settled.map(([, row]) => Math.max(firstOf(row), reachedSeconds))),
          known: true,
          exact: undefined,
          arrivedSeconds: Math.min(...open.map(([arrived]) => arrived)),
          youngSeconds: young.length === 0 ? undefined : Math.min(...young.map(([arrived]) => arrived)),
        },
      ];
    });
  }

  get circumstances(): Circumstances {
    return {
      now: this.now,
      horizon: this.now - DELAY,
      trustedFrom: this.viewSince,
      upSince: this.upSince,
      retainedFrom: this.now - RETAINED,
    };
  }

  /** One discovery; some of what it finds is refused by the book. Answers the buckets that it ordered. */
  async discover(maxSources: number, refused: (bucket: string) => boolean): Promise<readonly string[]> {
    const given = this.circumstances;
    const before = progressFrom(this.progress, 'model');
    const look = planLook(before, given);
    const bounds: Bounds = { shard: 0, shards: 1, horizon: given.horizon, recentFrom: 0 };
    const readiness = { countThreshold: 5, oldEnough: this.now - AGE };
    const found = await findWaiting(this.finder, look, bounds, readiness);
    const ready = await found.next(maxSources);
    const orders: AccessLogOrder[] = [];
    for (const { bucket, raftSession, after, waiting } of ready) {
      if (refused(bucket)) continue;
      orders.push(orderOf({ bucket, raftSession }, after, waiting, waiting.firstStartTime));
      this.positions.set(bucket, waiting.upTo);
    }
    this.progress = JSON.stringify(
      progressAfter(before, 'model', look, given, leftOf(found.candidates, orders)),
    );
    return ready.map(({ bucket }) => bucket).sort();
  }
}

const bucket = fc.constantFrom('a', 'b', 'c');
const never = (): boolean => false;
const days = (count: number): number => count * 86_400;

const anyStep = fc.record({
  seconds: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 5000 })),
  inserts: fc.array(
    fc.record({
      bucket,
      lag: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: days(2) })),
    }),
    {
      maxLength: 4,
    },
  ),
  maxSources: fc.constantFrom(1, 2, 100),
  refused: fc.option(bucket),
  isLost: fc.boolean(),
  discovers: fc.boolean(),
  what: fc.constantFrom('nothing', 'nothing', 'view dropped', 'view made', 'cut off', 'restart'),
  overcount: fc.constantFrom(1, 1, 10),
});

describe('the progress of discovery', () => {
  test('finds what a look at everything finds, however late records come in and whatever was left before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
        const model = new Model();
        for (const { seconds, inserts, maxSources, refused, isLost, overcount } of steps) {
          model.now += seconds;
          model.overcount = overcount;
          if (isLost && seconds % 7 === 0) model.progress = undefined;
          for (const one of inserts) model.insert(one.bucket, one.lag);
          const expected = model.ready();
          const found = await model.discover(maxSources, (name) => name === refused);
          const old = found.filter((name) => expected.includes(name));
          expect(old).toHaveLength(Math.min(maxSources, expected.length, old.length));
          if (maxSources === 100) expect(old).toEqual(expected);
        }
      }),
    );
  });

  test('leaves no record behind: not without the view, not when it is made anew, not when an insert is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
        const model = new Model();
        for (const { seconds, inserts, maxSources, refused, isLost, discovers, what, overcount } of steps) {
          model.now += seconds;
          model.overcount = overcount;
          if (isLost && seconds % 7 === 0) model.progress = undefined;
          if (what === 'view dropped') model.viewSince = undefined;
          if (what === 'view made') model.viewSince ??= model.now;
          if (what === 'restart') model.upSince = model.now;
          // Without the view nothing tells of records that come in long after their insertedAt.
          for (const { bucket: name, lag } of inserts) {
            if (what === 'cut off') model.insert(name, lag % 60, false);
            else model.insert(name, model.viewSince === undefined ? lag % 600 : lag);
          }
          if (discovers) await model.discover(maxSources, (name) => name === refused);
        }
        for (let round = 0; round < 4; round += 1) {
          model.now += 3700;
          await model.discover(100, never);
        }
        expect(model.buckets.map((name) => model.waiting(name, 0, model.now))).toEqual(
          model.buckets.map(() => undefined),
        );
      }),
    );
  });

  test('goes on, so that a look never reaches back further than what waits', async () => {
    const model = new Model();
    for (let minute = 0; minute < 600; minute += 1) {
      model.now += 60;
      model.insert(minute % 20 === 0 ? 'rare' : 'busy', 5);
      await model.discover(100, never);
    }
    const progress = progressFrom(model.progress, 'model');
    expect(model.now - (progress?.arrivedFrom ?? 0)).toBeLessThanOrEqual(AGE + DELAY + 120);
    expect(planLook(progress, model.circumstances).scanFrom ?? model.now).toBeGreaterThan(model.now - 7200);
  });
});

describe('where a discovery looks', () => {
  const progress: Progress = {
    of: 'tables',
    arrivedFrom: START - 1000,
    scannedUpTo: START - 2000,
    scannedAt: START - 1900,
    wholeAt: START - 5000,
  };
  const given: Circumstances = {
    now: START,
    horizon: START - 60,
    trustedFrom: START - 90_000,
    upSince: START - 90_000,
    retainedFrom: START - RETAINED,
  };
  const look = (change: Partial<Circumstances>, from: Partial<Progress>): unknown => {
    const { arrivedFrom, scanFrom, whole } = planLook({ ...progress, ...from }, { ...given, ...change });
    return [arrivedFrom !== undefined, scanFrom !== undefined, whole];
  };

  test('without progress: at all arrivals when they count all that is kept, else through all records', () => {
    expect(planLook(undefined, { ...given, trustedFrom: START - 300_000 })).toEqual({
      arrivedFrom: 0,
      whole: true,
    });
    expect(planLook(undefined, given)).toEqual({ scanFrom: 0, whole: true });
    expect(planLook(undefined, { ...given, trustedFrom: undefined })).toEqual({ scanFrom: 0, whole: true });
  });

  test.each([
    ['at arrivals alone when they are trusted', {}, {}, [true, false, false]],
    [
      'through the records too, from before the arrivals were counted',
      {},
      { scannedUpTo: START - 100_000 },
      [true, true, false],
    ],
    [
      'through the records too, when ClickHouse was started since',
      { upSince: START - 10 },
      {},
      [true, true, false],
    ],
    ['through the records too, once an hour', {}, { scannedAt: START - 3600 }, [true, true, false]],
    ['at all arrivals, every few hours', {}, { wholeAt: START - 6 * 3600 }, [true, false, true]],
    ['through the records too, when there is no view', { trustedFrom: undefined }, {}, [true, true, false]],
  ] as const)('%s', (_, change, from, expected) => {
    expect(look(change, from)).toEqual(expected);
  });

  test('what is handed on for other tables, or cannot be read, is as good as lost', () => {
    const text = JSON.stringify(progress);
    expect(progressFrom(text, 'tables')).toEqual(progress);
    for (const lost of [undefined, '', '{}', 'null', text.slice(1)])
      expect(progressFrom(lost, 'tables')).toBeUndefined();
    expect(progressFrom(text, 'other tables')).toBeUndefined();
  });
});
