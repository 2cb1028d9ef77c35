import { describe, expect, test } from '@jest/globals';
import { schemaText, schemaVersions } from '../../src/clickhouse/schema.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';

function settingsWith(flags: Readonly<Record<string, string>>): Settings {
  return loadSettings({ flags, environment: {} }).settings;
}

const cluster = { 'clickhouse.cluster': 'workbench-1.eu' };
const federation = { 'clickhouse.table-layout': 'federation' };

describe('table names', () => {
  test('on one node: each pair of tables is one', () => {
    expect(tablesOf(settingsWith({}))).toEqual({
      database: 'logs',
      cluster: '',
      logs: 'logs.logs',
      logsLocal: 'logs.logs',
      ingest: 'logs.logs_ingest_local',
      offsets: 'logs.offsets',
      offsetsLocal: 'logs.offsets',
      workOrders: 'logs.work_orders',
      workOrdersLocal: 'logs.work_orders',
      orderClaims: 'logs.order_claims',
      orderClaimsLocal: 'logs.order_claims',
      manifests: 'logs.manifests',
      manifestsLocal: 'logs.manifests',
      arrivals: 'logs.arrivals',
      arrivalsLocal: 'logs.arrivals',
      schemaVersions: 'logs.log_courier_schema',
    });
  });

  test('on a cluster', () => {
    expect(tablesOf(settingsWith(cluster))).toMatchObject({
      cluster: 'workbench-1.eu',
      logs: 'logs.logs',
      logsLocal: 'logs.logs_local',
      offsets: 'logs.offsets',
      offsetsLocal: 'logs.offsets_local',
      workOrders: 'logs.work_orders',
      workOrdersLocal: 'logs.work_orders_local',
      orderClaims: 'logs.order_claims',
      orderClaimsLocal: 'logs.order_claims_local',
      manifestsLocal: 'logs.manifests_local',
      arrivals: 'logs.arrivals',
      arrivalsLocal: 'logs.arrivals_local',
    });
  });

  test('on a cluster of an existing federation deployment', () => {
    expect(tablesOf(settingsWith({ ...cluster, ...federation }))).toMatchObject({
      logs: 'logs.access_logs_federated',
      logsLocal: 'logs.access_logs',
      ingest: 'logs.logs_ingest_local',
      offsets: 'logs.offsets_federated',
      offsetsLocal: 'logs.offsets',
      workOrders: 'logs.work_orders_federated',
      workOrdersLocal: 'logs.work_orders',
    });
  });

  test('single ones can be overridden', () => {
    const own = {
      'clickhouse.database': 'audit',
      'clickhouse.logs-table': 'l',
      'clickhouse.logs-local-table': 'll',
      'clickhouse.ingest-table': 'i',
      'clickhouse.offsets-table': 'o',
      'clickhouse.offsets-local-table': 'ol',
      'clickhouse.work-orders-table': 'w',
      'clickhouse.work-orders-local-table': 'wl',
    };
    expect(tablesOf(settingsWith({ ...cluster, ...federation, ...own }))).toEqual({
      database: 'audit',
      cluster: 'workbench-1.eu',
      logs: 'audit.l',
      logsLocal: 'audit.ll',
      ingest: 'audit.i',
      offsets: 'audit.o',
      offsetsLocal: 'audit.ol',
      workOrders: 'audit.w',
      workOrdersLocal: 'audit.wl',
      orderClaims: 'audit.order_claims_federated',
      orderClaimsLocal: 'audit.order_claims',
      manifests: 'audit.manifests_federated',
      manifestsLocal: 'audit.manifests',
      arrivals: 'audit.arrivals_federated',
      arrivalsLocal: 'audit.arrivals',
      schemaVersions: 'audit.log_courier_schema',
    });
    expect(tablesOf(settingsWith(own))).toMatchObject({ logs: 'audit.l', logsLocal: 'audit.l' });
  });
});

/** Statements without their comments. */
function statements(settings: Settings): readonly string[] {
  return schemaText(settings)
    .replaceAll(/^--.*$/gm, '')
    .split(/;$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

const places: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['one node', {}],
  ['one node, federation names', federation],
  ['a cluster', cluster],
  ['a cluster, federation names', { ...cluster, ...federation }],
];

describe.each(places)('the schema for %s', (_, flags) => {
  const settings = settingsWith(flags);
  const tables = tablesOf(settings);

  test('leaves what exists as it is', () => {
    for (const statement of statements(settings))
      expect(statement).toMatch(
        /^(CREATE (DATABASE|TABLE|MATERIALIZED VIEW) IF NOT EXISTS |ALTER TABLE \S+( ON CLUSTER \S+)?(\s+(ADD (COLUMN|INDEX) IF NOT EXISTS|MATERIALIZE INDEX IF EXISTS) [^;]*?)+$)/,
      );
  });

  test('has no placeholder left in it', () => {
    expect(schemaText(settings)).not.toMatch(/\{\{|\}\}|undefined/);
  });

  test('makes every table that the program uses', () => {
    const text = statements(settings).join('\n');
    expect(text).toContain(`CREATE DATABASE IF NOT EXISTS ${tables.database}`);
    const names = Object.values({ ...tables }).filter((name) => name.startsWith(`${tables.database}.`));
    expect(names).toHaveLength(14);
    for (const name of names) expect(text).toMatch(new RegExp(`EXISTS ${name}\\s`));
  });

  test('keeps records three days, and the order book as long as the settings say', () => {
    const kept = settingsWith({ ...flags, 'order-book.retention-days': '45' });
    expect(schemaText(kept)).toContain('TTL insertedAt + INTERVAL 3 DAY');
    expect(schemaText(kept)).toContain('TTL toDateTime(orderedAt) + INTERVAL 45 DAY');
  });

  test('has versions that count up from 1', () => {
    const versions = schemaVersions(settings).map(({ version }) => version);
    expect(versions).toEqual(versions.map((_version, index) => index + 1));
  });
});

describe.each(places.slice(2))('the schema for %s', (_, flags) => {
  const settings = settingsWith(flags);
  const tables = tablesOf(settings);

  test('is made on all nodes of the cluster', () => {
    for (const statement of statements(settings)) expect(statement).toContain(` ON CLUSTER 'workbench-1.eu'`);
  });

  test('has replicated local tables, and distributed ones sharded by raft session', () => {
    const text = schemaText(settings);
    for (const [distributed, local] of [
      [tables.logs, tables.logsLocal],
      [tables.offsets, tables.offsetsLocal],
      [tables.workOrders, tables.workOrdersLocal],
      [tables.orderClaims, tables.orderClaimsLocal],
      [tables.arrivals, tables.arrivalsLocal],
    ] as const) {
      const name = local.replace(/^.*\./, '');
      const engine = `Distributed('workbench-1.eu', logs, ${name}, raftSessionID)`;
      expect(text).toMatch(
        new RegExp(`EXISTS ${distributed} ON CLUSTER \\S+ AS ${local}\\n.*${escaped(engine)}`),
      );
      expect(text).toMatch(
        new RegExp(
          `EXISTS ${local} ON CLUSTER [^;]*ENGINE = Replicated(Replacing|Aggregating)?MergeTree\\('[^']*/${local}', '\\{replica\\}'`,
        ),
      );
    }
  });
});

test.each(places)(
  'on %s every record that reaches the logs is counted by the view of its node',
  (_, flags) => {
    const settings = settingsWith(flags);
    const { arrivalsLocal, logsLocal } = tablesOf(settings);
    const [view] = statements(settings).filter((statement) => statement.includes(`${arrivalsLocal}_mv`));
    expect(view).toMatch(
      new RegExp(`MATERIALIZED VIEW IF NOT EXISTS ${arrivalsLocal}_mv .*TO ${arrivalsLocal} AS`),
    );
    expect(view).toMatch(new RegExp(`FROM ${logsLocal}\\s`));
  },
);

test('one node and a cluster have the same columns', () => {
  const columnsOf = (flags: Readonly<Record<string, string>>): (string | undefined)[] =>
    statements(settingsWith(flags))
      .filter((statement) => /^CREATE TABLE[^(]*\n\(/.test(statement))
      .map((statement) => /\n\(([\s\S]*?)\n\)/.exec(statement)?.[1]);
  expect(columnsOf({})).toHaveLength(6);
  expect(columnsOf(cluster)).toEqual(columnsOf({}));
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
