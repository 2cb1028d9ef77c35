/** One query as the HTTP interface was asked to run it. */
export interface Statement {
  /** The query text, without the data of an INSERT. */
  readonly sql: string;
  /** File with the data of an INSERT, which reach the engine byte by byte. */
  readonly dataFile?: string | undefined;
  /** Format of the result when the text names none. */
  readonly defaultFormat: string;
  /** Current database of this query; empty for `default`. */
  readonly database: string;
  /** Settings of this query only, values as text. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Values of `{name:Type}` placeholders, escaped as in TabSeparated (ClickHouse's own rule). */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** What the engine counted; what it does not tell is 0. */
export interface Summary {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TRAILING_FORMAT = /\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:\bSETTINGS\b[^;]*)?;?\s*$/i;
const INSERT_FORMAT =
  /^(?<head>\s*INSERT\b.*?)(?<settings>\s+SETTINGS\s+.*?)?(?<format>\s+FORMAT\s+\w+)\s*;?\s*$/is;
/** The table function that stands for the data of an `INSERT … SELECT`, with the columns that they have. */
const INPUT = /\binput\s*\(\s*(?<columns>'(?:[^'\\]|\\.|'')*')\s*\)/is;
const INSERT_BEFORE_DATA = /^\s*INSERT\b[^;]*?\bFORMAT\s+\w+[ \t;]*(?:\r?\n|$)/i;

/** True for `INSERT … FORMAT name`, whose data come from elsewhere. */
export function takesData(sql: string): boolean {
  return INSERT_FORMAT.test(sql);
}

/** Length of the `INSERT … FORMAT name` line that a text begins with; 0 when it begins with something else. */
export function lengthBeforeData(text: string): number {
  return INSERT_BEFORE_DATA.exec(text)?.[0].length ?? 0;
}

/** Writes a text as a string literal of SQL. */
export function literal(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}

/** Writes a name as a quoted identifier of SQL. */
export function quotedName(name: string): string {
  return `\`${name.replace(/[\\`]/g, (character) => `\\${character}`)}\``;
}

/** True for what may name a setting or a parameter. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** The format of the result: the one that the text ends with, or else the default. */
export function resultFormat(statement: Statement): string {
  return TRAILING_FORMAT.exec(statement.sql)?.[1] ?? statement.defaultFormat;
}

/**
 * The statement that puts a session of its own in the state that the query asks for; undefined when
 * there is nothing to set. Parameters go the same way: their values never enter the text of the query.
 */
export function setStatement(statement: Statement): string | undefined {
  const assignments = [
    ...statement.settings.map(([name, value]) => `${name} = ${literal(value)}`),
    ...statement.parameters.map(([name, value]) => `param_${name} = ${literal(value)}`),
  ];
  return assignments.length === 0 ? undefined : `SET ${assignments.join(', ')}`;
}

/**
 * The text that the engine runs: the query, with the file that holds its data. Data are never put into the
 * text, where the engine drops white space around them.
 *
 * @throws RangeError when the query does not take data
 */
export function engineText({ sql, dataFile }: Statement): string {
  if (dataFile === undefined) return sql;
  const { head, settings = '', format } = INSERT_FORMAT.exec(sql)?.groups ?? {};
  if (head === undefined || format === undefined) throw new RangeError('This query does not take data.');
  const input = INPUT.exec(head);
  if (input !== null) {
    // The engine knows input() only together with a client; its data stand in a file here, of the same columns.
    const name = format.trim().split(/\s+/)[1] ?? '';
    const file = `file(${literal(dataFile)}, ${literal(name)}, ${input.groups?.['columns'] ?? ''})`;
    return `${head.slice(0, input.index)}${file}${head.slice(input.index + input[0].length)}${settings}`;
  }
  return `${head} FROM INFILE ${literal(dataFile)}${settings}${format}`;
}
