import type { AvroValue, RecordSchema } from '../../../formats/avro/schema.js';

/** A column of a table as rows are read from it, and as it stands in copies. */
export interface ShapeColumn {
  /** The same in Avro, ClickHouse and BigQuery. */
  readonly name: string;
  /** What is selected, in SQL. */
  readonly sql: string;
  readonly avro: RecordSchema['fields'][number]['type'];
  /** Turns what the database's client answers into what Avro takes; left out where it is the same. */
  readonly convert?: ((value: unknown) => AvroValue) | undefined;
  /** Set for texts and bytes, which can be long. */
  readonly isLong?: boolean | undefined;
  /** ClickHouse's type for it as it comes in Avro. */
  readonly clickhouse: string;
}

/** A table of ClickHouse for the rows. */
export interface ClickHouseTable {
  readonly name: string;
  /** Name and type of each column, and the SQL that makes it of the columns of the stream. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly from: string }[];
  /** What stands behind the columns in CREATE TABLE. */
  readonly engine: string;
  /** The column by which partitions are made, a Date that is that of the time column; empty when there is none. */
  readonly dateColumn: string;
}

/** What a table looks like, in the database and in its copies. */
export interface TableShape {
  readonly table: string;
  /** Name of the key column. */
  readonly key: string;
  /** Name of the time column. */
  readonly time: string;
  /** SQL for the time column as microseconds since 1970. */
  readonly timeSql: string;
  readonly columns: readonly ShapeColumn[];
  /** Which of the columns is the key. */
  readonly keyIndex: number;
  readonly schema: RecordSchema;
  readonly clickhouse: ClickHouseTable;
}
