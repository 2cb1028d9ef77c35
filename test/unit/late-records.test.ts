import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadSettings } from '../../src/config/load.js';
import { describeRepair } from '../../src/cli/commands/audit.js';
import { lateIn } from '../../src/pipelines/access-logs/late-records.js';
import {
  MAINTENANCE_TASKS,
  maintenanceId,
  maintenanceIntervalMs,
  maintenanceJobSchema,
  maintenanceOf,
} from '../../src/queues/maintenance.js';

const OLDEST_SECONDS = 1_767_000_000;
const order = { oldestAt: new Date(OLDEST_SECONDS * 1000).toISOString() };

describe('records that joined an order after its delivery', () => {
  test.each([
    ['none when the counts agree', 10, { records: 10, oldestSeconds: OLDEST_SECONDS }, 0],
    ['those that it has more', 10, { records: 13, oldestSeconds: OLDEST_SECONDS }, 3],
    ['also those before its first record', 10, { records: 11, oldestSeconds: OLDEST_SECONDS - 60 }, 1],
    ['none when it has fewer', 10, { records: 9, oldestSeconds: OLDEST_SECONDS }, 0],
    ['none when its first record has expired', 10, { records: 13, oldestSeconds: OLDEST_SECONDS + 1 }, 0],
    ['none when nothing is left of it', 10, { records: 0, oldestSeconds: 0 }, 0],
    ['none when it was not counted', 10, undefined, 0],
  ])('are %s', (_, deliveredRecords, counted, expected) => {
    expect(lateIn({ order, deliveredRecords }, counted)).toBe(expected);
  });

  test('are never fewer than none, nor more than there are', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.nat(2 * OLDEST_SECONDS),
        (deliveredRecords, records, oldestSeconds) => {
          const late = lateIn({ order, deliveredRecords }, { records, oldestSeconds });
          expect(late).toBeGreaterThanOrEqual(0);
          expect(late).toBeLessThanOrEqual(records);
        },
      ),
    );
  });
});

describe('the maintenance of a pipeline', () => {
  test('has a scheduler for each task, with a payload that is taken', () => {
    const jobs = maintenanceOf('access-logs');
    expect(jobs.map(maintenanceId)).toEqual(MAINTENANCE_TASKS.map((task) => `access-logs-${task}`));
    for (const job of jobs) expect(maintenanceJobSchema.safeParse(job).success).toBe(true);
    expect(maintenanceJobSchema.safeParse({ pipeline: 'access-logs', task: 'other' }).success).toBe(false);
  });

  test.each([
    [{}, 900_000, undefined],
    [{ 'audit.interval-seconds': '1.5' }, 1500, undefined],
    [{ 'manifest.enabled': 'true' }, 900_000, 3_600_000],
    [{ 'manifest.enabled': 'true', 'manifest.interval-seconds': '60' }, 900_000, 60_000],
  ])('is, with %j, repeated after %i ms (audit) and %s ms (manifests)', (flags, audit, manifests) => {
    const { settings } = loadSettings({ flags, environment: {} });
    expect(maintenanceIntervalMs(settings, 'audit')).toBe(audit);
    expect(maintenanceIntervalMs(settings, 'manifests')).toBe(manifests);
  });
});

describe('`audit --repair` says', () => {
  const cost = { ordersExamined: 9, recordsExamined: 90, rowsRead: 100 };

  test.each([
    [{ orders: 0, records: 0, enqueued: 0 }, 'access-logs: no late record has joined a delivered order.'],
    [
      { orders: 1, records: 1, enqueued: 1 },
      'access-logs: 1 late record in 1 delivered order; 1 order put back into the queue.',
    ],
    [
      { orders: 2, records: 1500, enqueued: 0 },
      'access-logs: 1,500 late records in 2 delivered orders; 0 orders put back into the queue.',
    ],
  ])('of %j: %s', (figures, expected) => {
    expect(describeRepair('access-logs', { ...figures, ...cost })).toBe(expected);
  });
});
