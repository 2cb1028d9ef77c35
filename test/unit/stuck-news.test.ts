import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FailedOrder, WorkOrder } from '../../src/pipelines/pipeline.js';
import { stuckNews, type StuckLook, type Told } from '../../src/processors/notifications/news.js';

const AT = '2026-03-01T12:00:00.000Z';
const EARLIER = '2026-03-01T11:00:00.000Z';

function failed(
  source: string,
  id: string,
  more: Partial<Pick<FailedOrder<WorkOrder>, 'code' | 'reason' | 'failedAt'>> = {},
): FailedOrder<WorkOrder> {
  const order = { id, source, records: 10, oldestAt: EARLIER };
  return { order, code: 'NoSuchBucket', reason: 'gone', failedAt: EARLIER, ...more };
}

function look(more: Partial<StuckLook> = {}): StuckLook {
  return { failed: [], open: new Set(), at: AT, repeatMs: 0, ...more };
}

const told = (orders: readonly string[], at = EARLIER): Told => ({ since: EARLIER, at, orders });

describe('a source that is stuck', () => {
  test('is told once, with its orders, records and since when', () => {
    const first = stuckNews(look({ failed: [failed('a', '1'), failed('a', '2')] }), new Map());
    expect(first.stuck).toEqual([
      {
        code: 'NoSuchBucket',
        reason: 'gone',
        sources: [{ source: 'a', orders: 2, records: 20, since: EARLIER }],
      },
    ]);
    const more = look({ failed: [failed('a', '1'), failed('a', '2'), failed('a', '3', { code: 'Other' })] });
    expect(stuckNews(more, first.told)).toMatchObject({ stuck: [], still: [], recovered: [] });
  });

  test('shares a cause with the others that are stuck for it, the largest cause first', () => {
    const { stuck } = stuckNews(
      look({
        failed: [
          failed('a', '1', { code: 'AccessDenied', reason: 'no' }),
          failed('c', '2'),
          failed('b', '3'),
          failed('d', '4', { reason: 'gone too' }),
        ],
      }),
      new Map(),
    );
    expect(
      stuck.map(({ code, reason, sources }) => [code, reason, sources.map(({ source }) => source)]),
    ).toEqual([
      ['NoSuchBucket', 'gone', ['b', 'c']],
      ['AccessDenied', 'no', ['a']],
      ['NoSuchBucket', 'gone too', ['d']],
    ]);
  });

  test('stays what it was while its orders are tried again, and has recovered once they are settled', () => {
    const before = new Map([['a', told(['1', '2'])]]);
    const trying = stuckNews(look({ open: new Set(['2', '9']) }), before);
    expect(trying).toMatchObject({ stuck: [], still: [], recovered: [] });
    expect([...trying.told]).toEqual([['a', told(['2'])]]);
    const again = stuckNews(look({ failed: [failed('a', '2')] }), trying.told);
    expect(again).toMatchObject({ stuck: [], recovered: [] });
    const after = stuckNews(look({ open: new Set(['9']) }), again.told);
    expect(after.recovered).toEqual([{ source: 'a', since: EARLIER }]);
    expect(after.told.size).toBe(0);
  });

  test.each([
    [3_600_000, 1],
    [3_600_001, 0],
    [0, 0],
  ])('that was told an hour ago is told again when repeats come after %i ms: %i', (repeatMs, times) => {
    const news = stuckNews(look({ failed: [failed('a', '1')], repeatMs }), new Map([['a', told(['1'])]]));
    expect(news.still).toHaveLength(times);
    expect(news.stuck).toEqual([]);
    expect(news.told.get('a')?.at).toBe(times === 1 ? AT : EARLIER);
  });
});

test('whatever happens, each source is told as stuck and as recovered in turn', () => {
  const state = fc.constantFrom('failed', 'open', 'settled');
  const steps = fc.array(fc.record({ a: state, b: state }), { maxLength: 30 });
  fc.assert(
    fc.property(steps, (looks) => {
      let memory: ReadonlyMap<string, Told> = new Map();
      const stuck = new Set<string>();
      for (const states of looks) {
        const of = (wanted: string): string[] =>
          Object.entries(states).flatMap(([source, is]) => (is === wanted ? [source] : []));
        const news = stuckNews(
          look({
            failed: of('failed').map((source) => failed(source, `order-${source}`)),
            open: new Set(of('open').map((source) => `order-${source}`)),
          }),
          memory,
        );
        memory = news.told;
        for (const { source } of news.stuck.flatMap(({ sources }) => sources)) {
          expect(stuck.has(source)).toBe(false);
          stuck.add(source);
        }
        for (const { source } of news.recovered) expect(stuck.delete(source)).toBe(true);
        for (const source of of('failed')) expect(stuck.has(source)).toBe(true);
        for (const source of of('settled')) expect(stuck.has(source)).toBe(false);
      }
    }),
  );
});
