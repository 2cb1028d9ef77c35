import type { PrepareOptions, Prepared } from '../pipeline.js';
import type { SharedParts } from './parts.js';
import { applyTablesSchema, missingTables, SchemaMissingError, schemaStatements } from './mysql/schema.js';

/**
 * Makes the tables of the order book where they are missing, and looks at the tables to archive: whether they are there, and
 * can be archived.
 *
 * @throws {SchemaMissingError} {@link UnusableTableError}
 */
export async function prepareTables(
  { database, shapes, tables }: SharedParts,
  { apply, signal }: PrepareOptions,
): Promise<Prepared> {
  signal?.throwIfAborted();
  const names = tables.map(({ table }) => table);
  // Before anything is made: a table that cannot be archived gets no status table.
  for (const name of names) await shapes.of(name);
  const missing = await missingTables(database, names);
  if (missing.length > 0 && !apply) throw new SchemaMissingError(schemaStatements(names), missing);
  await applyTablesSchema(database, names);
  return { applied: missing.map((table) => `table ${table}`) };
}
