import { describe, expect, test } from '@jest/globals';
import { ClickHouseTruncatedError, ClickHouseUnreachableError } from '../../src/clickhouse/errors.js';
import { MissingRecordsError } from '../../src/pipelines/access-logs/deliver.js';
import { LineCountError } from '../../src/pipelines/access-logs/fetch.js';
import type { Fate } from '../support/http-proxy.js';
import {
  deliverAll,
  isFetch,
  makeOrders,
  outcomesOf,
  targetOf,
  useStoresBehindProxy,
} from '../support/small-orders.js';
import { useTestStores } from '../support/test-stores.js';

const open = useTestStores();
const openBehindProxy = useStoresBehindProxy(open);

describe('an answer for several orders that is not whole makes no object', () => {
  const EXCEPTION = 'Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)';
  const withoutLastRow = (body: string): string => body.slice(0, body.lastIndexOf('\n', body.length - 2) + 1);
  const fates: readonly [string, Fate, unknown][] = [
    ['breaks off', { kind: 'cut', afterBytes: 200 }, ClickHouseUnreachableError],
    ['is lost', { kind: 'drop' }, ClickHouseUnreachableError],
    ['lacks its last row', { kind: 'rewrite', with: withoutLastRow }, MissingRecordsError],
    [
      'lacks its first row',
      { kind: 'rewrite', with: (body) => body.slice(body.indexOf('\n') + 1) },
      MissingRecordsError,
    ],
    ['is empty', { kind: 'rewrite', with: () => '' }, MissingRecordsError],
    ['ends in the text of an exception', { kind: 'append', text: `${EXCEPTION}\n` }, Error],
    ['ends in the middle of a row', { kind: 'rewrite', with: (body) => body.slice(0, -20) }, Error],
    ['is an exception', { kind: 'answer', status: 500, body: `${EXCEPTION}\n` }, Error],
    [
      'lacks a line in an object',
      {
        kind: 'rewrite',
        with: (body) => body.replaceAll(/"content":"(?:[^"\\]|\\[^n])*\\n/g, '"content":"'),
      },
      ClickHouseTruncatedError,
    ],
    [
      'counts fewer lines than it sends',
      { kind: 'rewrite', with: (body) => body.replaceAll('"records":5', '"records":4') },
      LineCountError,
    ],
  ];

  test.each(fates)('when it %s', async (_, fate, expected) => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['a', 'b', 'c']);
    clickhouse.rule((request) => (isFetch(request) ? fate : { kind: 'pass' }));
    for (const outcome of await outcomesOf(store, orders)) expect(outcome).toBeInstanceOf(expected);
    expect(await store.readObjects(targetOf(store))).toEqual([]);
    clickhouse.reset();
    expect((await deliverAll(store, orders)).map(({ records }) => records)).toEqual([5, 5, 5]);
  });
});
