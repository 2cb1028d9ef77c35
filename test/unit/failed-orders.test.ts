import { describe, expect, test } from '@jest/globals';
import { undeliveredOf } from '../../src/pipelines/access-logs/skip.js';
import { redriveLimit } from '../../src/processors/redrive.js';
import { runCli } from '../support/cli.js';
import { orderBetween } from '../support/orders.js';

describe('the failed orders that one discovery tries again', () => {
  test.each([
    [10_000, 1, 0, 1000],
    [10_000, 1, 4500, 500],
    [10_000, 1, 5000, 0],
    [10_000, 1, 9000, 0],
    [10_000, 8, 0, 625],
    [1, 1, 0, 1],
    [1, 1, 1, 0],
  ])('with room for %i, %i shards and %i open are at most %i', (room, shards, open, limit) => {
    expect(redriveLimit(room, shards, open)).toBe(limit);
  });
});

describe('records that stay undelivered when an order is given up', () => {
  const object = (records: number) => ({ bucket: 'b', prefix: '', key: 'k', records, bytes: 1, sha256: '' });
  test.each([
    ['all of them', 10, [], 10],
    ['late ones too', 12, [], 12],
    ['those that ClickHouse has removed', 0, [], 10],
    ['not those that arrived in some of its targets', 10, [object(3), object(2)], 5],
    ['never fewer than none', 10, [object(12)], 0],
  ])('are %s', (_, counted, objects, records) => {
    const order = { ...orderBetween(undefined, 5), records: 10 };
    expect(undeliveredOf({ order, objects }, counted)).toBe(records);
  });
});

describe('skip ends with status 2 and says what is wrong:', () => {
  test.each([
    ['no order', ['--reason', 'why'], '--order'],
    ['no reason', ['--order', '0123456789abcdef'], '--reason'],
    ['an empty reason', ['--order', '0123456789abcdef', '--reason', '  '], 'skip --reason'],
    ['a reason that is too long', ['--order', 'a', '--reason', 'x'.repeat(1001)], '1 to 1000 characters'],
    ['a reason with a line break', ['--order', 'a', '--reason', 'x\ny'], 'without line breaks'],
    ['an empty name', ['--order', 'a', '--reason', 'x', '--by', ''], 'skip --by'],
  ])('%s', async (_, words, said) => {
    const { status, stdout, stderr } = await runCli(['skip', ...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(said);
  });
});
