import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import type { ClickHouse } from './client.js';
import { ClickHouseQueryError } from './errors.js';
import { tablesOf, type Tables } from './tables.js';

/** One version of the schema, as statements that can each be run again without harm. */
export interface SchemaVersion {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/** What `schema apply` did. */
export interface AppliedSchema {
  /** Names of the versions that were applied now; empty when all had been before. */
  readonly applied: readonly string[];
  /** The version that the database has now. */
  readonly version: number;
}

const DIRECTORY = new URL('schema/', import.meta.url);

/** All versions of the schema, oldest first, for one node or for a cluster as the settings say. */
export function schemaVersions(settings: Settings): readonly SchemaVersion[] {
  const tables = tablesOf(settings);
  const folder = new URL(tables.cluster === '' ? 'node/' : 'cluster/', DIRECTORY);
  const values = placeholders(tables, settings);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({
      version: Number.parseInt(file, 10),
      name: file.replace(/\.sql$/, ''),
      statements: statementsIn(fill(readFileSync(new URL(file, folder), 'utf8'), values)),
    }));
}

/** The whole schema as text that `clickhouse-client` takes. */
export function schemaText(settings: Settings): string {
  const versions = schemaVersions(settings).flatMap(({ name, statements }) => [
    `-- ${name}`,
    ...statements.map(end),
  ]);
  return (
    [...versions, '-- which versions have been applied', end(versionsTable(tablesOf(settings)))].join(
      '\n\n',
    ) + '\n'
  );
}

/**
 * Applies what the database does not have yet. Two processes may do so at the same time, and a run that was
 * interrupted can be repeated: every statement leaves what exists as it is.
 *
 * @throws {ClickHouseUnreachableError} or {@link ClickHouseQueryError} as the client does
 */
export async function applySchema(clickhouse: ClickHouse, settings: Settings): Promise<AppliedSchema> {
  const tables = tablesOf(settings);
  const doing = 'apply the schema';
  await clickhouse.command(createDatabase(tables), { doing });
  await clickhouse.command(versionsTable(tables), { doing });
  const done = await appliedVersion(clickhouse, tables);
  const versions = schemaVersions(settings);
  const missing = versions.filter(({ version }) => version > done);
  for (const { version, name, statements } of missing) {
    for (const statement of statements) await clickhouse.command(statement, { doing: `${doing}, ${name}` });
    await clickhouse.insert(tables.schemaVersions, [{ version, name }], { doing });
  }
  return { applied: missing.map(({ name }) => name), version: versions.at(-1)?.version ?? 0 };
}

/** The database does not have the schema that this version of the program needs. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';

  /**
   * @param found the version that the database has; 0 for none
   * @param needed the version that this program needs
   */
  constructor(
    readonly found: number,
    readonly needed: number,
    options?: ErrorOptions,
  ) {
    super(
      `ClickHouse has schema version ${String(found)}, this program needs ${String(needed)}; ` +
        'run `log-courier schema apply` with the same settings',
      options,
    );
  }
}

/**
 * Checks that the schema has been applied. A newer one is fine: versions only add to each other.
 *
 * @returns the version that the database has, and the one that this program needs
 * @throws {SchemaError} when it has not
 */
export async function checkSchema(
  clickhouse: ClickHouse,
  settings: Settings,
  signal?: AbortSignal,
): Promise<{ readonly found: number; readonly needed: number }> {
  const needed = schemaVersions(settings).at(-1)?.version ?? 0;
  const found = await appliedVersion(clickhouse, tablesOf(settings), signal).catch((cause: unknown) => {
    if (cause instanceof ClickHouseQueryError && MISSING.has(cause.code))
      throw new SchemaError(0, needed, { cause });
    throw cause;
  });
  if (found < needed) throw new SchemaError(found, needed);
  return { found, needed };
}

/** ClickHouse's codes for a table, and for a database, that does not exist. */
const MISSING = new Set(['60', '81']);

/** The newest version that has been applied; 0 for none. */
async function appliedVersion(clickhouse: ClickHouse, tables: Tables, signal?: AbortSignal): Promise<number> {
  const row = z.object({ version: z.number() });
  const rows = await clickhouse.query(row, `SELECT max(version) AS version FROM ${tables.schemaVersions}`, {
    doing: 'read the schema version',
    ...(signal === undefined ? {} : { signal }),
  });
  return rows[0]?.version ?? 0;
}

function createDatabase(tables: Tables): string {
  return `CREATE DATABASE IF NOT EXISTS ${tables.database}${onCluster(tables)}`;
}

function versionsTable(tables: Tables): string {
  const engine =
    tables.cluster === ''
      ? 'MergeTree'
      : `ReplicatedMergeTree('/clickhouse/tables/all/${tables.schemaVersions}', '{shard}-{replica}')`;
  return (
    `CREATE TABLE IF NOT EXISTS ${tables.schemaVersions}${onCluster(tables)} ` +
    '(version UInt32, name String, appliedAt DateTime DEFAULT now()) ' +
    `ENGINE = ${engine} ORDER BY version`
  );
}

function onCluster(tables: Tables): string {
  return tables.cluster === '' ? '' : ` ON CLUSTER ${quoted(tables.cluster)}`;
}

/** A cluster's name may hold dots and dashes, which ClickHouse takes in quotes only. */
function quoted(cluster: string): string {
  return `'${cluster}'`;
}

function placeholders(tables: Tables, settings: Settings): ReadonlyMap<string, string> {
  const localName = (full: string): string => full.slice(tables.database.length + 1);
  return new Map([
    ...Object.entries(tables),
    ['cluster', quoted(tables.cluster)],
    ['logsLocalName', localName(tables.logsLocal)],
    ['offsetsLocalName', localName(tables.offsetsLocal)],
    ['workOrdersLocalName', localName(tables.workOrdersLocal)],
    ['orderClaimsLocalName', localName(tables.orderClaimsLocal)],
    ['manifestsLocalName', localName(tables.manifestsLocal)],
    ['arrivalsLocalName', localName(tables.arrivalsLocal)],
    ['orderBookRetentionDays', String(settings['order-book.retention-days'])],
  ]);
}

function fill(template: string, values: ReadonlyMap<string, string>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new TypeError(`the schema names an unknown placeholder: ${name}`);
    return value;
  });
}

function statementsIn(sql: string): readonly string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function end(statement: string): string {
  return `${statement};`;
}
