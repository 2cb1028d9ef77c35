import type { TableName } from '../../../config/tables-settings.js';
import type { Database } from '../mysql/database.js';
import { quoted } from '../mysql/identifiers.js';
import { microsSql, shapeColumnOf } from './column-types.js';
import { checkedColumns, UnusableTableError } from './columns.js';
import { isLogScores, logScoresColumns, logScoresInClickHouse, logScoresSchema } from './log-scores.js';
import type { ClickHouseTable, ShapeColumn, TableShape } from './shape.js';

/**
 * Looks at a table and says how its rows are copied: tables of time servers' scores in the form in which they have always
 * been, others by the types of their columns.
 *
 * @throws {UnusableTableError} when they cannot be
 */
export async function readShape(database: Database, name: TableName): Promise<TableShape> {
  const { table, key, time } = name;
  const columns = await checkedColumns(database, name);
  const base = { table, key, time, timeSql: microsSql(quoted(time)) };
  if (isLogScores(table, columns) && key === 'id' && time === 'ts') {
    const ours = logScoresColumns(columns);
    return {
      ...base,
      columns: ours,
      keyIndex: 0,
      schema: logScoresSchema(ours),
      clickhouse: logScoresInClickHouse(table),
    };
  }
  const ours = columns.map((column) => shapeColumnOf(table, column, column.name === key));
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(table))
    throw new UnusableTableError(table, 'Avro does not take its name');
  return {
    ...base,
    columns: ours,
    keyIndex: ours.findIndex((column) => column.name === key),
    schema: {
      type: 'record',
      name: table,
      fields: ours.map(({ name: field, avro }) => ({ name: field, type: avro })),
    },
    clickhouse: inClickHouse(table, key, ours),
  };
}

function inClickHouse(table: string, key: string, columns: readonly ShapeColumn[]): ClickHouseTable {
  return {
    name: table,
    columns: columns.map(({ name, clickhouse }) => ({ name, type: clickhouse, from: `\`${name}\`` })),
    engine: `ENGINE = MergeTree ORDER BY \`${key}\` SETTINGS non_replicated_deduplication_window = 1000`,
    dateColumn: '',
  };
}
