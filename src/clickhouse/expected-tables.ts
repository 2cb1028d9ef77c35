import type { Settings } from '../config/settings.js';
import { schemaVersions } from './schema.js';

/** A table or view as the schema makes it. */
export interface ExpectedTable {
  /** Name without the database. */
  readonly name: string;
  /** Its engine without arguments: `ReplacingMergeTree`, `Distributed`, `MaterializedView`. */
  readonly engine: string;
  /** Arguments of a Distributed engine: cluster, database, table, sharding key; empty for other engines. */
  readonly distributes: readonly string[];
  /** Columns that are written down in the schema, in its order; none for views, and for tables made `AS` another. */
  readonly columns: readonly string[];
}

const CREATE =
  /^CREATE (?<kind>TABLE|MATERIALIZED VIEW) IF NOT EXISTS (?<name>\S+)(?: ON CLUSTER \S+)?(?: AS (?<like>\S+))?(?<rest>[^]*)$/;
const ALTER = /^ALTER TABLE (?<name>\S+)/;

/**
 * What the schema makes of tables and views, read out of its own statements, so that nobody writes it down twice.
 * The table of the schema's versions is not among them.
 */
export function expectedTables(settings: Settings): readonly ExpectedTable[] {
  const tables = new Map<string, ExpectedTable>();
  for (const statement of schemaVersions(settings).flatMap(({ statements }) => statements)) {
    const sql = withoutComments(statement);
    const made = CREATE.exec(sql)?.groups;
    if (made !== undefined) {
      const table = tableOf(made, tables);
      tables.set(table.name, table);
    }
    const altered = tables.get(withoutDatabase(ALTER.exec(sql)?.groups?.['name'] ?? ''));
    if (altered !== undefined) {
      const added = [...sql.matchAll(/ADD COLUMN IF NOT EXISTS (\w+)/g)].map(([, column = '']) => column);
      tables.set(altered.name, { ...altered, columns: [...altered.columns, ...added] });
    }
  }
  return [...tables.values()];
}

function tableOf(
  { kind = '', name = '', like = '', rest = '' }: Readonly<Record<string, string>>,
  known: ReadonlyMap<string, ExpectedTable>,
): ExpectedTable {
  const own = withoutDatabase(name);
  if (kind !== 'TABLE') return { name: own, engine: 'MaterializedView', distributes: [], columns: [] };
  const { engine = '', given = '' } =
    /\bENGINE = (?<engine>\w+)(?:\((?<given>.*)\))?$/m.exec(rest)?.groups ?? {};
  const columns = [
    ...rest
      .split(/^\)$/m, 1)
      .join('')
      .matchAll(/^ {4}(\w+) /gm),
  ].map(([, column = '']) => column);
  return {
    name: own,
    engine,
    distributes: engine === 'Distributed' ? argumentsIn(given) : [],
    columns: like === '' ? columns : (known.get(withoutDatabase(like))?.columns ?? []),
  };
}

/** The arguments of an engine, without the quotes around names; a comma inside of brackets separates nothing. */
export function argumentsIn(text: string): readonly string[] {
  return text.split(/,(?![^(]*\))/).map((argument) => argument.trim().replaceAll(/^['`]|['`]$/g, ''));
}

function withoutComments(statement: string): string {
  return statement.replaceAll(/^--.*\n/gm, '').trim();
}

function withoutDatabase(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}
