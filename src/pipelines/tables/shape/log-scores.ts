import type { AvroValue, RecordSchema } from '../../../formats/avro/schema.js';
import { microsSql } from './column-types.js';
import type { Column } from './columns.js';
import type { ClickHouseTable, ShapeColumn } from './shape.js';

/** Tables with measurements of time servers: the archives of these are read by others, who know them in this form. */
export const LOG_SCORES_TABLES: ReadonlySet<string> = new Set([
  'log_scores',
  'log_scores_archive',
  'log_scores_test',
]);

/** Whether a table is one of {@link LOG_SCORES_TABLES}, with the columns that all versions of them have. */
export function isLogScores(table: string, columns: readonly Column[]): boolean {
  const names = new Set(columns.map(({ name }) => name));
  const always = ['id', 'monitor_id', 'server_id', 'ts', 'score', 'step', 'offset'];
  return LOG_SCORES_TABLES.has(table) && always.every((name) => names.has(name));
}

/** The columns of the record `logscore`; older tables have no rtt and no attributes, whose values are null then. */
export function logScoresColumns(columns: readonly Column[]): readonly ShapeColumn[] {
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  const attribute = (name: string): string =>
    has('attributes') ? `JSON_VALUE(\`attributes\`, '$.${name}')` : 'NULL';
  return [
    { name: 'id', sql: '`id`', avro: 'long', clickhouse: 'Int64' },
    { name: 'server_id', sql: '`server_id`', avro: 'int', clickhouse: 'Int32' },
    { name: 'monitor_id', sql: '`monitor_id`', avro: 'int', clickhouse: 'Int32', convert: zeroForNull },
    {
      name: 'ts',
      sql: microsSql('`ts`'),
      avro: { type: 'long', logicalType: 'timestamp-micros' },
      clickhouse: "DateTime64(6, 'UTC')",
    },
    { name: 'score', sql: '`score`', avro: 'float', clickhouse: 'Float32' },
    { name: 'step', sql: '`step`', avro: 'float', clickhouse: 'Float32' },
    { name: 'offset', sql: '`offset`', avro: ['null', 'float'], clickhouse: 'Nullable(Float32)' },
    { name: 'rtt', sql: has('rtt') ? '`rtt`' : 'NULL', avro: ['null', 'int'], clickhouse: 'Nullable(Int32)' },
    {
      name: 'leap',
      sql: has('attributes') ? `NULLIF(CAST(${attribute('leap')} AS SIGNED), 0)` : 'NULL',
      avro: ['null', 'int'],
      clickhouse: 'Nullable(Int32)',
    },
    {
      name: 'error',
      sql: has('attributes') ? `NULLIF(${attribute('error')}, '')` : 'NULL',
      avro: ['null', 'string'],
      clickhouse: 'Nullable(String)',
      isLong: true,
    },
  ];
}

function zeroForNull(value: unknown): AvroValue {
  return typeof value === 'number' ? value : 0;
}

/** The record's schema. */
export function logScoresSchema(columns: readonly ShapeColumn[]): RecordSchema {
  return {
    type: 'record',
    name: 'logscore',
    fields: columns.map(({ name, avro }) => ({ name, type: avro })),
  };
}

/** The table of ClickHouse. */
export function logScoresInClickHouse(table: string): ClickHouseTable {
  const plain = (name: string, type: string): ClickHouseTable['columns'][number] => ({
    name,
    type,
    from: `\`${name}\``,
  });
  return {
    name: table,
    columns: [
      { name: 'dt', type: 'Date', from: 'toDate(`ts`)' },
      plain('id', 'UInt64'),
      plain('monitor_id', 'UInt32'),
      plain('server_id', 'UInt32'),
      { name: 'ts', type: 'DateTime', from: 'toDateTime(`ts`)' },
      plain('score', 'Float32'),
      plain('step', 'Float32'),
      plain('offset', 'Nullable(Float64)'),
      plain('rtt', 'Nullable(UInt32)'),
      plain('leap', 'Nullable(UInt8)'),
      { name: 'warning', type: 'Nullable(String)', from: 'NULL' },
      plain('error', 'Nullable(String)'),
    ],
    engine:
      'ENGINE = MergeTree PARTITION BY dt ORDER BY (server_id, ts) SETTINGS non_replicated_deduplication_window = 1000',
    dateColumn: 'dt',
  };
}
