import type { TableOrder } from '../order.js';
import { keySql, quoted } from '../mysql/identifiers.js';
import type { Selection } from '../selection.js';
import type { TableShape } from '../shape/shape.js';

/** The days of an order's rows, where ClickHouse keeps rows by day: which parts are to be looked at. */
export interface Days {
  /** `2026-11-30` */
  readonly from: string;
  readonly to: string;
}

/** Makes the table, in the form in which existing archives have it. */
export function createTableSql({ clickhouse, key }: TableShape): string {
  const columns = clickhouse.columns.map(({ name, type }) => `  ${quoted(name)} ${type}`);
  return `CREATE TABLE IF NOT EXISTS ${quoted(clickhouse.name)} (
${columns.join(',\n')},
  INDEX ${quoted(`${key}_range`)} ${quoted(key)} TYPE minmax GRANULARITY 1
) ${clickhouse.engine}`;
}

/** Rows of an order that the table has. */
export function ofOrderSql(
  { clickhouse, key }: TableShape,
  order: Pick<TableOrder, 'after' | 'upTo'>,
  selection: Selection,
  days: Days | undefined,
): string {
  const column = quoted(key);
  const conditions = [`${column} > ${keySql(order.after)} AND ${column} <= ${keySql(order.upTo)}`];
  if (days !== undefined)
    conditions.unshift(
      `${quoted(clickhouse.dateColumn)} BETWEEN toDate('${days.from}') AND toDate('${days.to}')`,
    );
  if (selection.keys.length > 0)
    conditions.push(
      `${column} ${selection.kind === 'only' ? 'IN' : 'NOT IN'} (${selection.keys.map(keySql).join(', ')})`,
    );
  return conditions.join(' AND ');
}

/** The columns of the stream, as ClickHouse's `input` function takes them. */
export function inputSchema({ columns }: TableShape): string {
  return columns.map(({ name, clickhouse }) => `${quoted(name)} ${clickhouse}`).join(', ');
}

/**
 * Inserts what comes as Avro.
 *
 * @param without SQL that chooses rows which are there already, by their keys; left out where none is
 */
export function insertSql(shape: TableShape, without?: string): string {
  const { clickhouse, key } = shape;
  const table = quoted(clickhouse.name);
  const names = clickhouse.columns.map(({ name }) => quoted(name)).join(', ');
  const values = clickhouse.columns.map(({ name, from }) => `${from} AS ${quoted(`to_${name}`)}`).join(', ');
  const schema = inputSchema(shape).replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const where =
    without === undefined
      ? ''
      : ` WHERE ${quoted(key)} NOT IN (SELECT ${quoted(key)} FROM ${table} WHERE ${without})`;
  return `INSERT INTO ${table} (${names}) SELECT ${values} FROM input('${schema}')${where} FORMAT Avro`;
}
