import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Log } from '../../observability/log.js';
import type { Database } from './mysql/database.js';
import { errorOf } from './mysql/errors.js';
import { HOLDERS } from './mysql/schema.js';

/** The name of the lock that the archiver of a table holds, as other archivers know it. */
export function lockName(table: string): string {
  return `archiver-${table}`;
}

/** Whether this process may discover. */
export type Holding = { readonly held: true } | { readonly held: false; readonly by: string };

/**
 * The locks that say who archives a table: one archiver at a time, by `GET_LOCK('archiver-<table>')`, on a connection that
 * does nothing else. They are held from the first discovery until the process ends. Processes of the same deployment share
 * them: whoever holds one says so in a table, and among themselves the order book keeps them apart.
 */
export class ArchiverLocks {
  private connection: Connection | undefined;
  private readonly held = new Set<string>();
  private pending: Promise<unknown> = Promise.resolve();

  /** @param holder who this is, for others to read */
  constructor(
    private readonly database: Database,
    private readonly holder: string,
    private readonly log: Log,
  ) {}

  /** Takes the lock of a table, or sees that it is still held. */
  hold(table: string): Promise<Holding> {
    const next = this.pending.then(() => this.take(table));
    this.pending = next.catch(() => undefined);
    return next;
  }

  /** Lets go of all locks. */
  async close(): Promise<void> {
    await this.pending;
    this.forget();
  }

  private async take(table: string): Promise<Holding> {
    try {
      const connection = await this.open();
      const name = lockName(table);
      if (this.held.has(table)) {
        // The answer also shows that the connection is there: the server lets go of the lock with it.
        const [mine] = await numbers(connection, 'SELECT IS_USED_LOCK(?) = CONNECTION_ID()', [name]);
        if (mine === 1) return { held: true };
        this.held.delete(table);
        this.log.warn({ table }, 'the lock of the table was lost; it is taken anew');
      }
      const [got] = await numbers(connection, 'SELECT GET_LOCK(?, 0)', [name]);
      if (got === 1) {
        await this.register(connection, table);
        this.held.add(table);
        return { held: true };
      }
      return await this.heldByOthers(connection, table);
    } catch (error) {
      this.forget();
      throw errorOf('take the lock of a table', this.database.where, error);
    }
  }

  private async open(): Promise<Connection> {
    if (this.connection !== undefined) return this.connection;
    const connection = await this.database.dedicated('connect to take the lock of a table');
    connection.on('error', () => {
      // Told to whoever uses it next.
    });
    this.connection = connection;
    return connection;
  }

  private forget(): void {
    this.connection?.destroy();
    this.connection = undefined;
    this.held.clear();
  }

  private async register(connection: Connection, table: string): Promise<void> {
    await connection.query(
      `REPLACE INTO ${HOLDERS} (source_table, connection_id, holder, since) VALUES (?, CONNECTION_ID(), ?, UTC_TIMESTAMP(3))`,
      [table, this.holder],
    );
  }

  private async heldByOthers(connection: Connection, table: string): Promise<Holding> {
    const [used] = await numbers(connection, 'SELECT IS_USED_LOCK(?)', [lockName(table)]);
    // It was let go of in this moment: the next discovery takes it.
    if (used === undefined || used === 0) return { held: false, by: 'nobody any more' };
    const [ours] = await numbers(
      connection,
      `SELECT COUNT(*) FROM ${HOLDERS} WHERE source_table = ? AND connection_id = ?`,
      [table, used],
    );
    if (ours === 1) return { held: true };
    return {
      held: false,
      by: `connection ${String(used)} of the database, which is no log-courier of this deployment`,
    };
  }
}

async function numbers(
  connection: Connection,
  sql: string,
  values: readonly (string | number)[],
): Promise<readonly number[]> {
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, values: [...values], rowsAsArray: true });
  return (rows[0] ?? []).map((value: unknown) => Number(value));
}
