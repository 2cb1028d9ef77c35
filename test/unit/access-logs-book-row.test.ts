import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { revisionOf, rowOf, writerName } from '../../src/pipelines/access-logs/book-row.js';
import { offsetAt, orderBetween } from '../support/orders.js';

const records = fc.integer({ min: 0, max: 1e9 });
/** Revision of any row that can be in the book. */
const anyRevision = fc.oneof(
  fc.integer({ min: 0, max: 1e6 }),
  fc.integer({ min: 0, max: 1e6 }).map((previous) => revisionOf('skipped', previous)),
  records.map((delivered) => revisionOf('delivered', 0, delivered)),
);

describe('the row that counts', () => {
  test('is a delivery, whatever else is written and whatever its writer saw', () => {
    fc.assert(
      fc.property(
        records,
        anyRevision,
        fc.constantFrom('proposed', 'open', 'failed', 'skipped'),
        (delivered, seen, state) => {
          expect(revisionOf(state, seen)).toBeLessThan(revisionOf('delivered', 0, delivered));
        },
      ),
    );
  });

  test('is, of two deliveries, the one with more records', () => {
    fc.assert(
      fc.property(records, records, anyRevision, anyRevision, (some, others, a, b) => {
        const difference = revisionOf('delivered', a, some) - revisionOf('delivered', b, others);
        expect(Math.sign(difference)).toBe(Math.sign(some - others));
      }),
    );
  });

  test('is an operator’s skip rather than an open or failed row', () => {
    fc.assert(
      fc.property(anyRevision, anyRevision, fc.constantFrom('open', 'failed'), (seen, skipSeen, state) => {
        expect(revisionOf(state, seen)).toBeLessThan(revisionOf('skipped', skipSeen));
      }),
    );
  });

  test('is the later one of open and failed rows that follow each other', () => {
    const opened = revisionOf('open', revisionOf('proposed', 0));
    const failed = revisionOf('failed', opened);
    const reopened = revisionOf('open', failed);
    const failedAgain = revisionOf('failed', reopened);
    expect([0, opened, failed, reopened, failedAgain]).toEqual(
      [failedAgain, reopened, failed, opened, 0].sort((a, b) => a - b),
    );
  });

  test('has a revision that a number holds exactly', () => {
    fc.assert(
      fc.property(
        anyRevision,
        fc.constantFrom('open', 'failed', 'skipped', 'delivered'),
        records,
        (seen, state, delivered) => {
          expect(Number.isSafeInteger(revisionOf(state, seen, delivered))).toBe(true);
        },
      ),
    );
  });
});

describe('a row', () => {
  test('has the order’s boundaries, the beginning as the lowest offset', () => {
    const row = rowOf(orderBetween(undefined, 5), 'open', 1, 'me');
    expect(row).toMatchObject({
      bucketName: 'source-bucket',
      raftSessionID: 7,
      afterInsertedAt: '1970-01-01T00:00:00.000Z',
      afterStartTime: '1970-01-01T00:00:00.000Z',
      afterReqId: '',
      upToInsertedAt: '2026-01-02T00:00:05Z',
      upToReqId: 'REQ',
      orderedRecords: 3,
      state: 'open',
      deliveredRecords: 0,
      objects: [],
      failureCode: '',
      revision: 1,
    });
  });

  test('begins its batch where it begins itself, unless it is told otherwise', () => {
    const order = orderBetween(3, 5);
    const own = rowOf(order, 'proposed', 0, 'me')['batchAfter'];
    expect(own).toEqual(['2026-01-02T00:00:03Z', '2026-01-02T00:00:03.000Z', 'REQ']);
    const earlier = rowOf(order, 'proposed', 0, 'me', { batchAfter: offsetAt(1) })['batchAfter'];
    expect(earlier).toEqual(['2026-01-02T00:00:01Z', '2026-01-02T00:00:01.000Z', 'REQ']);
    const beginning = rowOf(order, 'proposed', 0, 'me', { batchAfter: null })['batchAfter'];
    expect(beginning).toEqual(['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', '']);
  });

  test('names who wrote it', () => {
    expect(writerName('host-1', 42)).toBe('access-logs@host-1:42');
  });
});
