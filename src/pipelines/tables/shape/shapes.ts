import type { TableName } from '../../../config/tables-settings.js';
import type { Database } from '../mysql/database.js';
import { readShape } from './read-shape.js';
import type { TableShape } from './shape.js';

/** How long a shape holds, in ms: columns that are added are seen after it. */
const FRESH_FOR_MS = 60_000;

/** A table is not one of those that are archived. */
export class NotConfiguredError extends Error {
  override readonly name = 'NotConfiguredError';

  /** @param table its name */
  constructor(table: string) {
    super(`the table ${table} is not one of tables.names`);
  }
}

/** What the tables look like, looked up now and then. */
export class Shapes {
  private readonly known = new Map<string, { readonly shape: TableShape; readonly at: number }>();

  constructor(
    private readonly database: Database,
    private readonly tables: readonly TableName[],
  ) {}

  /**
   * What a table looks like.
   *
   * @throws {NotConfiguredError} {@link UnusableTableError}
   */
  async of(table: string): Promise<TableShape> {
    const known = this.known.get(table);
    if (known !== undefined && performance.now() - known.at < FRESH_FOR_MS) return known.shape;
    const name = this.tables.find((one) => one.table === table);
    if (name === undefined) throw new NotConfiguredError(table);
    const shape = await readShape(this.database, name);
    this.known.set(table, { shape, at: performance.now() });
    return shape;
  }
}
