import fc from 'fast-check';
import type { Offset } from '../../src/pipelines/access-logs/offset.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';

/** An offset in a second of a day in 2026. */
export function offsetAt(second: number, reqId = 'REQ'): Offset {
  const insertedAt = new Date(Date.UTC(2026, 0, 2) + second * 1000).toISOString();
  return { insertedAt: insertedAt.replace('.000Z', 'Z'), startTime: insertedAt, reqId };
}

/** An order from one second of a day to another; from the beginning when `after` is left out. */
export function orderBetween(
  after: number | undefined,
  upTo: number,
  bucket = 'source-bucket',
): AccessLogOrder {
  const cut = {
    upTo: offsetAt(upTo),
    records: 3,
    firstStartTime: '2026-01-02T03:04:05.678Z',
    oldestAt: '2026-01-02T03:05:00Z',
  };
  const start = after === undefined ? null : offsetAt(after);
  return orderOf({ bucket, raftSession: 7 }, start, cut, '2026-01-02T04:00:00.000Z');
}

/** Any offset that ClickHouse can hold, with many that share parts. */
export const anyOffset: fc.Arbitrary<Offset> = fc
  .record({
    seconds: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4_294_967_295 })),
    ms: fc.oneof(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: -2_000_000_000_000, max: 10_000_000_000_000 }),
    ),
    reqId: fc.oneof(
      fc.constantFrom('', 'a', 'B', 'é', '\u{fffd}', '\u{1f600}'),
      fc.string({ unit: 'grapheme' }),
    ),
  })
  .map(({ seconds, ms, reqId }) => ({
    insertedAt: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'),
    startTime: new Date(ms).toISOString(),
    reqId,
  }));
