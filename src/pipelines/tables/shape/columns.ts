import { z } from 'zod';
import type { TableName } from '../../../config/tables-settings.js';
import type { Database } from '../mysql/database.js';

/** A column as the database describes it. */
export interface Column {
  readonly name: string;
  /** Its type without length or sign: `int`, `varchar`. */
  readonly type: string;
  /** Its type in full: `int(10) unsigned`. */
  readonly fullType: string;
  readonly nullable: boolean;
  /** Digits of a decimal, in all and behind the point; null for others. */
  readonly precision: number | null;
  readonly scale: number | null;
}

/** A table cannot be archived as it is. */
export class UnusableTableError extends Error {
  override readonly name = 'UnusableTableError';

  /**
   * @param table its name
   * @param why what is wrong, and what to do
   */
  constructor(
    readonly table: string,
    why: string,
  ) {
    super(`the table ${table} cannot be archived: ${why}`);
  }
}

const columnRow = z.object({
  name: z.string(),
  type: z.string(),
  fullType: z.string(),
  nullable: z.number(),
  prec: z.coerce.number().nullable(),
  scale: z.coerce.number().nullable(),
});

/** The columns of a table in their order. */
async function readColumns(database: Database, table: string): Promise<readonly Column[]> {
  const rows = await database.query(
    columnRow,
    'read the columns of a table',
    `SELECT column_name AS name, LOWER(data_type) AS type, LOWER(column_type) AS fullType, is_nullable = 'YES' AS nullable,
       numeric_precision AS prec, numeric_scale AS scale
     FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`,
    [table],
  );
  return rows.map(({ name, type, fullType, nullable, prec, scale }) => ({
    ...{ name, type, fullType, scale },
    nullable: nullable === 1,
    precision: prec,
  }));
}

/** Whether a column alone, or as the first of them, is an index, and a unique one by itself. */
async function readKeyIndex(
  database: Database,
  { table, key }: TableName,
): Promise<'unique' | 'index' | 'none'> {
  const rows = await database.rows(
    'read the indexes of a table',
    `SELECT i.non_unique, (SELECT COUNT(*) FROM information_schema.statistics AS s
       WHERE s.table_schema = i.table_schema AND s.table_name = i.table_name AND s.index_name = i.index_name)
     FROM information_schema.statistics AS i
     WHERE i.table_schema = DATABASE() AND i.table_name = ? AND i.column_name = ? AND i.seq_in_index = 1`,
    [table, key],
  );
  if (rows.length === 0) return 'none';
  return rows.some(([nonUnique, columns]) => Number(nonUnique) === 0 && Number(columns) === 1)
    ? 'unique'
    : 'index';
}

const INTEGERS: ReadonlySet<string> = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'integer',
  'bigint',
]);
const TIMES: ReadonlySet<string> = new Set(['timestamp', 'datetime', 'date']);

/**
 * The columns of a table that can be archived: it has the key, a whole number by which rows are told apart and found, and
 * the time.
 *
 * @throws {UnusableTableError} that says what is wrong
 */
export async function checkedColumns(database: Database, name: TableName): Promise<readonly Column[]> {
  const { table, key, time } = name;
  const columns = await readColumns(database, table);
  const refuse = (why: string): never => {
    throw new UnusableTableError(table, why);
  };
  if (columns.length === 0) refuse(`the database ${database.name} has no table of that name`);
  const keyColumn = columns.find((column) => column.name === key);
  const timeColumn = columns.find((column) => column.name === time);
  if (keyColumn === undefined) return refuse(`it has no column ${key}; name its key in tables.names`);
  if (!INTEGERS.has(keyColumn.type)) refuse(`its key ${key} is no whole number but ${keyColumn.fullType}`);
  if (keyColumn.nullable) refuse(`its key ${key} may be NULL`);
  if (timeColumn === undefined)
    return refuse(`it has no column ${time}; name its time column in tables.names`);
  if (!TIMES.has(timeColumn.type)) refuse(`its time column ${time} is no time but ${timeColumn.fullType}`);
  const index = await readKeyIndex(database, name);
  if (index === 'none') refuse(`its key ${key} is not the first column of any index`);
  if (index === 'index') refuse(`its key ${key} is not unique: no index says so`);
  return columns;
}
