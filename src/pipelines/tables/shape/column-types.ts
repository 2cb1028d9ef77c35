import type { AvroValue, PlainType } from '../../../formats/avro/schema.js';
import { quoted } from '../mysql/identifiers.js';
import { UnusableTableError, type Column } from './columns.js';
import { decimalBytes } from './decimal.js';
import type { ShapeColumn } from './shape.js';

/** How a type of the database stands in copies. */
interface Mapping {
  readonly avro: PlainType;
  readonly clickhouse: string;
  /** What is selected; the column itself where this is left out. */
  readonly sql?: (column: string) => string;
  readonly convert?: (value: unknown) => AvroValue;
  readonly isLong?: boolean;
  /** Set where a value that is there can become null: times such as 0000-00-00. */
  readonly mayBeNull?: boolean;
}

const INT: Mapping = { avro: 'int', clickhouse: 'Int32' };
const LONG: Mapping = { avro: 'long', clickhouse: 'Int64', convert: longOf };
const TEXT: Mapping = { avro: 'string', clickhouse: 'String', isLong: true };
/** Texts that the client would turn into something else, or that have a form of their own. */
const AS_TEXT: Mapping = { ...TEXT, sql: (column) => `CAST(${column} AS CHAR)` };
const BYTES: Mapping = { avro: 'bytes', clickhouse: 'String', isLong: true };
/** Whole numbers of up to 64 bits without sign, for which Avro's long is too small. */
const UNSIGNED: Mapping = {
  ...decimalMapping(20, 0),
  sql: (column) => `CAST(${column} AS DECIMAL(20, 0))`,
};
const DATE: Mapping = {
  avro: { type: 'int', logicalType: 'date' },
  clickhouse: 'Date32',
  sql: (column) => `TO_DAYS(${column}) - 719528`,
  mayBeNull: true,
};
const MOMENT: Mapping = {
  avro: { type: 'long', logicalType: 'timestamp-micros' },
  clickhouse: "DateTime64(6, 'UTC')",
  sql: microsSql,
  convert: longOf,
  mayBeNull: true,
};

/** SQL for a time as microseconds since 1970; NULL for one that is none, such as 0000-00-00. */
export function microsSql(column: string): string {
  return `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${column})`;
}

const SMALL_INTEGERS: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'year']);
const TEXTS: ReadonlySet<string> = new Set([
  ...['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set'],
]);
const TEXTS_BY_CAST: ReadonlySet<string> = new Set(['json', 'time', 'uuid', 'inet4', 'inet6']);
const BINARIES: ReadonlySet<string> = new Set([
  ...['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'],
]);

/**
 * How a column stands in copies.
 *
 * @param isKey keys are whole numbers that are exact in a number
 * @throws {UnusableTableError} that names the column, for a type that cannot be mapped
 */
export function shapeColumnOf(table: string, column: Column, isKey: boolean): ShapeColumn {
  const { name, nullable } = column;
  const mapping = isKey ? LONG : mappingOf(column);
  if (mapping === undefined)
    throw new UnusableTableError(
      table,
      `its column ${name} is of type ${column.fullType}, which cannot be copied`,
    );
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new UnusableTableError(table, `its column ${name} has a name that Avro does not take`);
  const { avro, clickhouse, sql, convert, isLong, mayBeNull = false } = mapping;
  const isNullable = nullable || mayBeNull;
  return {
    name,
    sql: sql === undefined ? quoted(name) : sql(quoted(name)),
    avro: isNullable ? ['null', avro] : avro,
    clickhouse: isNullable ? `Nullable(${clickhouse})` : clickhouse,
    ...(convert === undefined ? {} : { convert: unlessNull(convert) }),
    ...(isLong === undefined ? {} : { isLong }),
  };
}

function mappingOf(column: Column): Mapping | undefined {
  const { type, fullType, precision, scale } = column;
  const isUnsigned = fullType.includes('unsigned');
  if (SMALL_INTEGERS.has(type)) return INT;
  if (type === 'int' || type === 'integer') return isUnsigned ? LONG : INT;
  if (type === 'bigint') return isUnsigned ? UNSIGNED : LONG;
  if (type === 'float') return { avro: 'float', clickhouse: 'Float32' };
  if (type === 'double' || type === 'real') return { avro: 'double', clickhouse: 'Float64' };
  if (type === 'decimal' || type === 'numeric') return decimalMapping(precision ?? 10, scale ?? 0);
  if (type === 'date') return DATE;
  if (type === 'datetime' || type === 'timestamp') return MOMENT;
  if (type === 'bit') return bitMapping(Number(/\((\d+)\)/.exec(fullType)?.[1] ?? 1));
  if (TEXTS.has(type)) return TEXT;
  if (TEXTS_BY_CAST.has(type)) return AS_TEXT;
  return BINARIES.has(type) ? BYTES : undefined;
}

function decimalMapping(precision: number, scale: number): Mapping {
  return {
    avro: { type: 'bytes', logicalType: 'decimal', precision, scale },
    clickhouse: `Decimal(${String(precision)}, ${String(scale)})`,
    convert: (value) => decimalBytes(String(value), scale),
  };
}

function bitMapping(bits: number): Mapping {
  if (bits < 32) return { ...INT, sql: (column) => `CAST(${column} AS UNSIGNED)` };
  return bits < 64 ? { ...LONG, sql: (column) => `CAST(${column} AS UNSIGNED)` } : UNSIGNED;
}

/** The client answers whole numbers as text where a number would not be exact. */
function longOf(value: unknown): AvroValue {
  return typeof value === 'number' ? value : BigInt(String(value));
}

function unlessNull(convert: (value: unknown) => AvroValue): (value: unknown) => AvroValue {
  return (value) => (value === null ? null : convert(value));
}
