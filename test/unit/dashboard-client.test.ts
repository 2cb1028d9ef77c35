import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  FailureGroupView,
  History,
  HistoryPoint,
  PipelineWords,
  SourceDetail,
} from '../../src/dashboard/api/shapes.js';
import { besideHeadline } from '../../src/dashboard/client/agreement.js';
import {
  formatBytes,
  formatClock,
  formatCompact,
  formatCount,
  formatDuration,
  formatList,
  formatNumberOf,
  formatRelative,
  formatUtc,
} from '../../src/dashboard/client/format.js';
import { inFewerSteps } from '../../src/dashboard/client/history.js';
import { stateSentence } from '../../src/dashboard/client/sentences.js';
import {
  PLAIN_VIEW,
  queryOf,
  SORTS,
  sortedBy,
  STATES,
  viewFrom,
  type View,
} from '../../src/dashboard/client/sources-query.js';

const AT = Date.parse('2026-11-30T21:43:02.700Z');
const WORDS: PipelineWords = {
  title: 'Tables',
  goods: 'rows',
  record: { one: 'row', many: 'rows' },
  source: { one: 'table', many: 'tables' },
  target: { one: 'folder', many: 'folders' },
  object: { one: 'file', many: 'files' },
};

describe('figures on the pages', () => {
  test.each([
    [formatCount(1234567), '1,234,567'],
    [formatCompact(1234567), '1.2M'],
    [formatNumberOf(1, WORDS.source), '1 table'],
    [formatNumberOf(2000, WORDS.source), '2,000 tables'],
    [formatBytes(999), '999 B'],
    [formatBytes(12345), '12.3 kB'],
    [formatBytes(999_999), '1 MB'],
    [formatList([]), ''],
    [formatList(['a']), 'a'],
    [formatList(['a', 'b', 'c']), 'a, b and c'],
  ])('%s', (shown, expected) => {
    expect(shown).toBe(expected);
  });

  test.each([
    [0, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [86400 * 3 + 3600 * 4, '3 d 4 h'],
  ])('%d seconds are %s', (seconds, expected) => {
    expect(formatDuration(seconds)).toBe(expected);
  });

  test('times are those of UTC, and told as people tell them', () => {
    expect(formatUtc(AT)).toBe('2026-11-30 21:43:02 UTC');
    expect(formatClock('2026-11-30T01:02:03+02:00')).toBe('23:02');
    expect(formatRelative(AT, AT + 300)).toBe('just now');
    expect(formatRelative(AT, AT + 42_000)).toBe('42 s ago');
    expect(formatRelative(AT + 180_000, AT)).toBe('in 3 min');
  });
});

describe('the address of the overview', () => {
  const views: fc.Arbitrary<View> = fc.record({
    pipeline: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    span: fc.constantFrom('hour', 'day'),
    search: fc.string(),
    state: fc.option(fc.constantFrom(...STATES), { nil: undefined }),
    sort: fc.constantFrom(...SORTS),
    direction: fc.constantFrom('asc', 'desc'),
    page: fc.integer({ min: 1 }),
  });

  test('says all that is looked at', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(viewFrom(queryOf(view))).toEqual(view);
      }),
    );
  });

  test('is plain when nothing special is looked at', () => {
    expect(queryOf(PLAIN_VIEW)).toBe('');
  });

  test.each(['?page=0', '?page=x&span=year&state=odd&sort=no&direction=up', '?page=1e99'])(
    '%s is as if it said nothing',
    (search) => {
      expect(viewFrom(search)).toEqual(PLAIN_VIEW);
    },
  );
});

describe('a press on a column', () => {
  test('sorts names upwards and figures downwards, from the first page', () => {
    expect(sortedBy({ ...PLAIN_VIEW, page: 7 }, 'source')).toMatchObject({ direction: 'asc', page: 1 });
    expect(sortedBy(PLAIN_VIEW, 'waitingRecords')).toMatchObject({ direction: 'desc' });
  });

  test('turns the order when it is pressed again', () => {
    const once = sortedBy(PLAIN_VIEW, 'waitingRecords');
    expect(sortedBy(once, 'waitingRecords')).toMatchObject({ sort: 'waitingRecords', direction: 'asc' });
  });
});

describe('the sentence about a source', () => {
  const detail: SourceDetail = {
    pipeline: 'tables',
    source: 'a',
    state: 'stuck',
    waitingRecords: 1234,
    oldestAgeSeconds: 7500,
    lastDeliveredAt: null,
    targets: ['t'],
    failureCodes: ['Full', 'Gone'],
    note: null,
    completeUpTo: null,
    retentionEndsAt: null,
    page: 1,
    pageSize: 20,
    totalOrders: 0,
    orders: [],
  };

  test.each([
    [detail, 'Stuck with Full and Gone: 1,234 rows wait, the oldest for 2 h 5 min.'],
    [
      { ...detail, state: 'waiting', waitingRecords: 1 } as const,
      'On its way: 1 row waits, the oldest for 2 h 5 min.',
    ],
    [{ ...detail, state: 'delivered' } as const, 'All rows are delivered.'],
  ])('is in the words of the pipeline', (given, expected) => {
    expect(stateSentence(WORDS, given)).toBe(expected);
  });
});

describe('a history', () => {
  const minute = (at: number, value: number | null): HistoryPoint => ({
    at: new Date(AT + at * 60_000).toISOString(),
    records: value,
    objects: value,
    failures: value,
    lagP50Seconds: value,
    lagP99Seconds: value,
    backlogRecords: value,
  });
  const historyOf = (values: readonly (number | null)[]): History => ({
    pipeline: 'tables',
    span: 'day',
    stepSeconds: 60,
    points: values.map((value, at) => minute(at, value)),
  });

  test('of an hour is shown by the minute', () => {
    const hour = historyOf(Array.from({ length: 60 }, () => 1));
    expect(inFewerSteps(hour)).toEqual(hour);
  });

  test('of a day is shown in steps that add counts and keep the largest lag', () => {
    const { points, stepSeconds } = inFewerSteps(historyOf(Array.from({ length: 1440 }, (_, at) => at % 12)));
    expect([points.length, stepSeconds]).toEqual([120, 720]);
    expect(points[0]).toEqual({ ...minute(0, 66), lagP50Seconds: 11, lagP99Seconds: 11, backlogRecords: 11 });
  });

  test('knows nothing of a step in which nothing is known', () => {
    const { points } = inFewerSteps(
      historyOf([...Array.from({ length: 720 }, () => null), ...Array.from({ length: 720 }, () => 2)]),
    );
    expect(points[0]).toEqual(minute(0, null));
    expect(points.at(-1)?.records).toBe(24);
  });

  test('loses no record', () => {
    const counts = fc.array(fc.option(fc.nat(1000), { nil: null }), { maxLength: 2000 });
    fc.assert(
      fc.property(counts, (values) => {
        const sum = (all: readonly HistoryPoint[]): number =>
          all.reduce((total, { records }) => total + (records ?? 0), 0);
        const whole = historyOf(values);
        expect(sum(inFewerSteps(whole).points)).toBe(sum(whole.points));
      }),
    );
  });
});

describe('the list of failures beside the headline', () => {
  const group = (id: string, orders: number): FailureGroupView => ({
    ...{ id, code: 'NoSuchBucket', reason: 'gone', targets: ['logs'], since: '', orders, records: 10 },
    ...{ sources: ['films'], sourceCount: 1, retentionEndsAt: null },
  });
  const shownWith = (failed: number, groups: readonly FailureGroupView[]) =>
    besideHeadline(
      { orders: { open: 0, failed, skipped: 0, delivered: 0 }, stuckSources: Math.min(failed, 1) },
      { value: { pipeline: 'tables', groups }, readAt: 0, error: undefined, isOutdated: false },
    );

  test('is shown as it is when both are of the same reading', () => {
    expect(shownWith(3, [group('a', 1), group('b', 2)])).toMatchObject({ isOutdated: false });
    expect(shownWith(0, [])).toMatchObject({ isOutdated: false, value: { groups: [] } });
  });

  test('is marked as outdated while one of them knows more', () => {
    const shown = shownWith(2, [group('a', 1)]);
    expect(shown).toMatchObject({ isOutdated: true, value: { groups: [{ id: 'a' }] } });
  });

  test.each([
    ['nothing, while the headline says that something is stuck', 2, []],
    ['failures, while the headline says that nothing is stuck', 0, [group('a', 1)]],
  ])('never says %s', (_what, failed, groups) => {
    expect(shownWith(failed, groups)).toMatchObject({ isOutdated: true, value: undefined });
  });
});
