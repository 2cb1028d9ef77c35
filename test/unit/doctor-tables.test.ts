import { describe, expect, test } from '@jest/globals';
import { expectedTables } from '../../src/clickhouse/expected-tables.js';
import {
  judgeArrivalsRetention,
  judgeBookRetention,
  judgeRecordRetention,
  keptHours,
} from '../../src/pipelines/access-logs/doctor/judge-retention.js';
import { judgeTables } from '../../src/pipelines/access-logs/doctor/judge-tables.js';
import type { FoundTable } from '../../src/pipelines/access-logs/doctor/tables.js';
import { settingsWith, verdicts } from '../support/doctor.js';

describe('the tables that the schema makes', () => {
  test('are read out of its statements, for one node', () => {
    const tables = expectedTables(settingsWith());
    expect(tables.map(({ name, engine }) => [name, engine])).toEqual([
      ['logs', 'MergeTree'],
      ['logs_ingest_local', 'Null'],
      ['logs_ingest_local_mv', 'MaterializedView'],
      ['offsets', 'ReplacingMergeTree'],
      ['work_orders', 'ReplacingMergeTree'],
      ['order_claims', 'ReplacingMergeTree'],
      ['manifests', 'ReplacingMergeTree'],
      ['arrivals', 'AggregatingMergeTree'],
      ['arrivals_mv', 'MaterializedView'],
    ]);
    const columns = Object.fromEntries(tables.map((table) => [table.name, table.columns]));
    expect(columns['offsets']).toEqual([
      'bucketName',
      'raftSessionID',
      'lastProcessedInsertedAt',
      'lastProcessedStartTime',
      'lastProcessedReqId',
    ]);
    expect(columns['logs']).toHaveLength(32);
    expect(columns['logs_ingest_local']).toEqual(columns['logs']);
    expect(columns['work_orders']).toEqual(
      expect.arrayContaining(['orderId', 'batchAfter', 'promoteBefore']),
    );
  });

  test('are read out of its statements, for a cluster', () => {
    const tables = expectedTables(settingsWith({ 'clickhouse.cluster': 'ring-1' }));
    expect(tables.find(({ name }) => name === 'work_orders_local')).toMatchObject({
      engine: 'ReplicatedReplacingMergeTree',
      columns: expect.arrayContaining(['promoteBefore']),
    });
    expect(tables.find(({ name }) => name === 'work_orders')).toMatchObject({
      engine: 'Distributed',
      distributes: ['ring-1', 'logs', 'work_orders_local', 'raftSessionID'],
    });
    expect(tables.find(({ name }) => name === 'manifests')?.distributes).toEqual([
      'ring-1',
      'logs',
      'manifests_local',
      'cityHash64(targetBucket, targetPrefix)',
    ]);
  });
});

describe('tables', () => {
  const expected = expectedTables(settingsWith({ 'clickhouse.cluster': 'ring' }));
  const tables: readonly FoundTable[] = expected.map(({ name, engine, columns, distributes }) => ({
    name,
    engine,
    engineFull:
      engine === 'Distributed'
        ? `Distributed('${distributes.slice(0, 3).join("', '")}', ${distributes[3] ?? ''})`
        : engine,
    columns: [...columns],
    hosts: 3,
  }));
  const whole = { tables, nodes: 3, expectedNodes: 3 };
  const changed = (name: string, change: Partial<FoundTable>): typeof whole => ({
    ...whole,
    tables: tables.map((table) => (table.name === name ? { ...table, ...change } : table)),
  });

  test.each<[string, typeof whole, readonly string[]]>([
    ['as the schema makes them are fine', whole, []],
    [
      'with engines of the cloud are fine',
      changed('offsets_local', { engine: 'SharedReplacingMergeTree' }),
      [],
    ],
    [
      'that keep no replicas are a warning',
      changed('offsets_local', { engine: 'ReplacingMergeTree' }),
      ['warning clickhouse.tables offsets_local'],
    ],
    [
      'of another engine are a problem',
      changed('offsets_local', { engine: 'ReplicatedMergeTree' }),
      ['problem clickhouse.tables offsets_local'],
    ],
    [
      'that a node lacks are a problem',
      changed('logs_local', { hosts: 2 }),
      ['problem clickhouse.tables logs_local'],
    ],
    [
      'that are missing are a problem, views a warning',
      { ...whole, tables: tables.filter(({ name }) => name !== 'logs' && name !== 'arrivals_local_mv') },
      ['problem clickhouse.tables logs', 'warning clickhouse.tables arrivals_local_mv'],
    ],
    [
      'distributed to another cluster are a problem',
      changed('logs', { engineFull: "Distributed('other', 'logs', 'logs_local', raftSessionID)" }),
      ['problem clickhouse.tables logs'],
    ],
    [
      'distributed by another key are a problem',
      changed('work_orders', { engineFull: "Distributed('ring', 'logs', 'work_orders_local', rand())" }),
      ['problem clickhouse.tables work_orders'],
    ],
    [
      'distributed with settings are fine',
      changed('logs', {
        engineFull:
          "Distributed('ring', 'logs', 'logs_local', raftSessionID) SETTINGS fsync_after_insert = 1",
      }),
      [],
    ],
    [
      'that lack a column are a problem',
      changed('logs_local', { columns: ['bucketName'] }),
      ['problem clickhouse.tables logs_local'],
    ],
    [
      'of a node that is away are a warning',
      { ...whole, nodes: 3, expectedNodes: 4 },
      ['warning clickhouse.cluster'],
    ],
    [
      'of a cluster that is none are a problem',
      { ...whole, expectedNodes: 0 },
      ['problem clickhouse.cluster'],
    ],
  ])('%s', (_name, found, verdict) => {
    expect(verdicts(judgeTables(expected, found))).toEqual(verdict);
  });
});

describe('retention', () => {
  test.each([
    ['MergeTree ORDER BY a TTL insertedAt + toIntervalDay(3) SETTINGS ttl_only_drop_parts = 1', 72],
    ['MergeTree ORDER BY a TTL insertedAt + toIntervalHour(36)', 36],
    [
      'MergeTree ORDER BY a TTL toDateTime(orderedAt) + toIntervalDay(30) SETTINGS index_granularity = 8192',
      720,
    ],
    ['MergeTree ORDER BY a SETTINGS index_granularity = 8192', 'forever'],
    ['MergeTree ORDER BY a TTL insertedAt + toIntervalMonth(1)', undefined],
    ["MergeTree ORDER BY a TTL a + toIntervalDay(3) WHERE bucketName = 'b'", undefined],
    ['MergeTree ORDER BY a TTL a + toIntervalDay(3), b + toIntervalDay(4)', undefined],
  ])('of %s is %p', (engineFull, hours) => {
    expect(keptHours(engineFull)).toBe(hours);
  });

  test.each([
    [72, 'ok'],
    [71, 'problem'],
    [73, 'warning'],
    ['forever', 'warning'],
    [undefined, 'warning'],
  ] as const)('of the logs for %p hours, where the settings say 72, is %s', (kept, verdict) => {
    expect(judgeRecordRetention('logs', kept, settingsWith()).verdict).toBe(verdict);
  });

  test('of the arrivals must be that of the logs at least', () => {
    expect(verdicts(judgeArrivalsRetention('arrivals', 72, 72))).toEqual([]);
    expect(verdicts(judgeArrivalsRetention('arrivals', 'forever', 96))).toEqual([]);
    expect(verdicts(judgeArrivalsRetention('arrivals', 72, 96))).toEqual([
      'warning clickhouse.retention arrivals',
    ]);
  });

  test('of the order book must be what the settings say', () => {
    expect(verdicts(judgeBookRetention('work_orders', 720, settingsWith()))).toEqual([]);
    expect(verdicts(judgeBookRetention('work_orders', 240, settingsWith()))).toEqual([
      'warning clickhouse.retention work_orders',
    ]);
  });
});
