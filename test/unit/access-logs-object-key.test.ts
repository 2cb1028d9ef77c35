import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadSettings } from '../../src/config/load.js';
import {
  keyOptionsOf,
  objectKey,
  type KeyFormat,
  type KeyTarget,
} from '../../src/pipelines/access-logs/object-key.js';
import { orderBetween } from '../support/orders.js';

const order = orderBetween(undefined, 5);
const target: KeyTarget = { targetBucket: 'target-logs', targetPrefix: 'logs/', day: '' };
const options = (format: KeyFormat) => ({ format, sourceAccount: '123456789012', sourceRegion: 'eu-west-1' });

describe('the key of a log object', () => {
  test.each<[KeyFormat, string, RegExp]>([
    ['simple', '', /^logs\/2026-01-02-03-04-05-[0-9A-F]{16}$/],
    [
      'partitioned-by-event-time',
      '2026-01-01',
      /^logs\/123456789012\/eu-west-1\/source-bucket\/2026\/01\/01\/2026-01-01-00-00-00-[0-9A-F]{16}$/,
    ],
    [
      'partitioned-by-delivery-time',
      '',
      /^logs\/123456789012\/eu-west-1\/source-bucket\/2026\/01\/02\/2026-01-02-04-00-00-[0-9A-F]{16}$/,
    ],
  ])('has the form that AWS calls %s', (format, day, form) => {
    expect(objectKey(order, { ...target, day }, options(format))).toMatch(form);
  });

  test('is exactly this one, over versions of the program', () => {
    expect(objectKey(order, target, options('simple'))).toBe('logs/2026-01-02-03-04-05-D5BDAA05432A03AC');
  });

  test('is the same for the same order, however many records it had when it was made', () => {
    const again = { ...order, records: 99, oldestAt: '2020-01-01T00:00:00Z' };
    for (const format of ['simple', 'partitioned-by-event-time', 'partitioned-by-delivery-time'] as const)
      expect(objectKey(again, target, options(format))).toBe(objectKey(order, target, options(format)));
  });

  test('differs for each target and day', () => {
    const targets = fc.record({
      targetBucket: fc.constantFrom('a', 'b'),
      targetPrefix: fc.constantFrom('', 'x/', 'x'),
      day: fc.constantFrom('2026-01-01', '2026-01-02'),
    });
    const unique = (of: KeyTarget): string =>
      objectKey(order, of, options('partitioned-by-event-time')).slice(-16);
    fc.assert(
      fc.property(targets, targets, (a, b) => {
        expect(unique(a) === unique(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test('differs for each order', () => {
    const others = [
      orderBetween(1, 5),
      orderBetween(undefined, 6),
      orderBetween(undefined, 5, 'other-bucket'),
    ];
    const keys = [order, ...others].map((one) => objectKey(one, target, options('simple')));
    expect(new Set(keys).size).toBe(4);
  });

  test('begins with the prefix as it is, whatever its owner wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (targetPrefix) => {
        const key = objectKey(order, { ...target, targetPrefix }, options('simple'));
        expect(key.slice(0, targetPrefix.length)).toBe(targetPrefix);
        expect(key.slice(targetPrefix.length)).toMatch(/^2026-01-02-03-04-05-[0-9A-F]{16}$/);
      }),
    );
  });

  test('takes its form from the settings', () => {
    const flags = { 'object-key.format': 'partitioned-by-event-time', 'object-key.source-account': '42' };
    expect(keyOptionsOf(loadSettings({ flags, environment: {} }).settings)).toEqual({
      format: 'partitioned-by-event-time',
      sourceAccount: '42',
      sourceRegion: 'us-east-1',
    });
  });
});
