import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sourcePage, type SourceQuery } from '../../src/dashboard/api/source-page.js';
import type { SourceRow } from '../../src/dashboard/api/shapes.js';

const anyRow: fc.Arbitrary<SourceRow> = fc.record({
  source: fc.string({ maxLength: 4 }),
  state: fc.constantFrom('stuck', 'waiting', 'delivered'),
  waitingRecords: fc.nat(3),
  oldestAgeSeconds: fc.option(fc.nat(3)),
  lastDeliveredAt: fc.option(fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z')),
  targets: fc.array(fc.string({ maxLength: 2 }), { maxLength: 2 }),
  failureCodes: fc.constant([]),
  note: fc.constant(null),
});

const anyRows = fc.array(anyRow).map((rows) => new Map(rows.map((row) => [row.source, row])));

const anyQuery: fc.Arbitrary<SourceQuery> = fc.record({
  search: fc.string({ maxLength: 1 }),
  state: fc.constantFrom('stuck' as const, 'delivered' as const, undefined),
  sort: fc.constantFrom('source', 'state', 'waitingRecords', 'oldestAgeSeconds', 'lastDeliveredAt'),
  direction: fc.constantFrom('asc', 'desc'),
  page: fc.constant(1),
  pageSize: fc.integer({ min: 1, max: 5 }),
});

describe('the table of sources', () => {
  test('has each source that fits on exactly one page, whatever the sort', () => {
    fc.assert(
      fc.property(anyRows, anyQuery, (rows, query) => {
        const { total } = sourcePage('p', rows, query);
        const pages = Array.from({ length: Math.ceil(total / query.pageSize) }, (_, index) =>
          sourcePage('p', rows, { ...query, page: index + 1 }),
        );
        const found = pages.flatMap((page) => page.rows.map(({ source }) => source));
        expect(found).toHaveLength(total);
        expect(new Set(found).size).toBe(total);
        expect(pages.slice(0, -1).every((page) => page.rows.length === query.pageSize)).toBe(true);
      }),
    );
  });

  test('has all of one direction before the other’s, but for sources that are alike', () => {
    fc.assert(
      fc.property(anyRows, anyQuery, (rows, query) => {
        const whole = { ...query, pageSize: 1000, sort: 'waitingRecords' as const };
        const counts = (direction: 'asc' | 'desc'): readonly number[] =>
          sourcePage('p', rows, { ...whole, direction }).rows.map(({ waitingRecords }) => waitingRecords);
        expect(counts('desc')).toEqual([...counts('asc')].reverse());
      }),
    );
  });

  test('keeps the rows that it is given as they are', () => {
    fc.assert(
      fc.property(anyRows, anyQuery, (rows, query) => {
        const before = JSON.stringify([...rows]);
        const page = sourcePage('p', rows, query);
        expect(JSON.stringify([...rows])).toBe(before);
        expect(sourcePage('p', rows, query)).toEqual(page);
      }),
    );
  });
});
