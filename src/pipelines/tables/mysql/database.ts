import { setTimeout as sleep } from 'node:timers/promises';
import {
  createConnection,
  createPool,
  type Connection,
  type ConnectionOptions,
  type ExecuteValues,
  type Pool,
  type PoolConnection,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise';
import type { z } from 'zod';
import type { Settings } from '../../../config/settings.js';
import { accountOf, whereIs, type Account } from './dsn.js';
import { errorOf, mayTryAgain } from './errors.js';

/** Values of the parameters of a statement. */
export type Values = readonly (string | number | Buffer | null)[];

/** One row of a page: its values in the order of the columns that were asked for. */
export type Row = readonly unknown[];

/** Speaks to the database within one connection: a transaction, or one statement. */
export interface Session {
  /** Rows as objects, validated. */
  query<Type>(schema: z.ZodType<Type>, doing: string, sql: string, values?: Values): Promise<Type[]>;
  /** Changes something; answers how many rows. */
  change(doing: string, sql: string, values?: Values): Promise<number>;
  /** The same by a statement whose text is made for one use: the server need not remember it. */
  changeOnce(doing: string, sql: string): Promise<number>;
}

/** How often a transaction is tried that lost against another. */
const MOST_TRIES = 20;

/** The database that has the tables: a pool of connections, in UTC. */
export class Database implements Session {
  /** Where it is, for messages. */
  readonly where: string;
  readonly name: string;
  private pool: Pool | undefined;
  private readonly madeAt = new WeakMap<object, number>();
  private readonly account: Account;

  /** @throws {NoDatabaseError} when the settings name none */
  constructor(private readonly settings: Settings) {
    this.account = accountOf(settings);
    this.where = whereIs(this.account);
    this.name = this.account.database;
  }

  /** See {@link Session.query}. */
  query<Type>(schema: z.ZodType<Type>, doing: string, sql: string, values: Values = []): Promise<Type[]> {
    return this.during(doing, (connection) => this.sessionOn(connection).query(schema, doing, sql, values));
  }

  /** See {@link Session.change}. */
  change(doing: string, sql: string, values: Values = []): Promise<number> {
    return this.during(doing, (connection) => this.sessionOn(connection).change(doing, sql, values));
  }

  /** See {@link Session.changeOnce}. */
  changeOnce(doing: string, sql: string): Promise<number> {
    return this.during(doing, (connection) => this.sessionOn(connection).changeOnce(doing, sql));
  }

  /** Rows as arrays of values, in the order of the columns, by the binary protocol: fast, and floats are exact. */
  rows(doing: string, sql: string, values: Values = []): Promise<Row[]> {
    return this.during(doing, async (connection) => {
      const [rows] = await connection.execute<RowDataPacket[][]>({
        sql,
        values: valuesOf(values),
        rowsAsArray: true,
      });
      return rows;
    });
  }

  /** Rows of a statement whose text is made for one use, as arrays: the server need not remember it. */
  rowsOnce(doing: string, sql: string): Promise<Row[]> {
    return this.during(doing, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
      return rows;
    });
  }

  /**
   * Does something as a whole or not at all. It is done again when it lost against another transaction, so it must have no
   * effect but on the database.
   */
  async transaction<Result>(doing: string, body: (session: Session) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.during(doing, (connection) => this.transactionOn(connection, doing, body));
      } catch (error) {
        if (!mayTryAgain(error) || attempt >= MOST_TRIES) throw error;
        await sleep(Math.random() * 20 * attempt);
      }
    }
  }

  /** A connection of its own, which the caller ends. */
  async dedicated(doing: string): Promise<Connection> {
    try {
      const connection = await createConnection(this.options());
      await setUp(connection);
      return connection;
    } catch (error) {
      throw errorOf(doing, this.where, error);
    }
  }

  /** Whether it is there. */
  async ping(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.rowsOnce('ask the database whether it is there', 'SELECT 1');
  }

  /** Lets go of all connections. */
  async close(): Promise<void> {
    await this.pool?.end();
    this.pool = undefined;
  }

  private options(): ConnectionOptions {
    const { settings, account } = this;
    const { user, password, database, host, port, socketPath } = account;
    return {
      ...{ user, password, database },
      ...(socketPath === undefined ? { host, port } : { socketPath }),
      connectTimeout: settings['tables.connect-timeout-seconds'] * 1000,
      charset: 'utf8mb4',
      timezone: 'Z',
      dateStrings: true,
      supportBigNumbers: true,
      jsonStrings: true,
      enableKeepAlive: true,
    };
  }

  private open(): Pool {
    const { settings } = this;
    this.pool ??= createPool({
      ...this.options(),
      connectionLimit: settings['tables.max-open-connections'],
      maxIdle: settings['tables.max-idle-connections'],
      idleTimeout: settings['tables.max-idle-seconds'] * 1000,
    });
    return this.pool;
  }

  private async during<Result>(
    doing: string,
    body: (connection: PoolConnection) => Promise<Result>,
  ): Promise<Result> {
    let connection: PoolConnection | undefined;
    try {
      connection = await this.open().getConnection();
      await this.prepare(connection);
      const result = await body(connection);
      this.release(connection);
      return result;
    } catch (error) {
      // What a broken statement has left behind is not known; the next one begins on a fresh connection.
      connection?.destroy();
      throw errorOf(doing, this.where, error);
    }
  }

  /** Sets a new connection up. */
  private async prepare(connection: PoolConnection): Promise<void> {
    if (this.madeAt.has(connection.connection)) return;
    await setUp(connection);
    this.madeAt.set(connection.connection, performance.now());
  }

  private release(connection: PoolConnection): void {
    const age = performance.now() - (this.madeAt.get(connection.connection) ?? 0);
    if (age > this.settings['tables.max-lifetime-seconds'] * 1000) connection.destroy();
    else connection.release();
  }

  private async transactionOn<Result>(
    connection: PoolConnection,
    doing: string,
    body: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    await connection.beginTransaction();
    const result = await body(this.sessionOn(connection));
    await connection.commit().catch((error: unknown) => {
      throw errorOf(doing, this.where, error);
    });
    return result;
  }

  private sessionOn(connection: PoolConnection): Session {
    const fail = (doing: string) => (error: unknown) => {
      throw errorOf(doing, this.where, error);
    };
    return {
      query: async (schema, doing, sql, values = []) => {
        const [rows] = await connection
          .execute<RowDataPacket[]>({ sql, values: valuesOf(values) })
          .catch(fail(doing));
        return rows.map((row) => schema.parse(row));
      },
      change: async (doing, sql, values = []) => {
        const [outcome] = await connection
          .execute<ResultSetHeader>({ sql, values: valuesOf(values) })
          .catch(fail(doing));
        return outcome.affectedRows;
      },
      changeOnce: async (doing, sql) => {
        const [outcome] = await connection.query<ResultSetHeader>(sql).catch(fail(doing));
        return outcome.affectedRows;
      },
    };
  }
}

/** Times are UTC; each statement sees what is committed, and locks no more rows than it changes. */
const SESSION_SQL = [
  "SET SESSION time_zone = '+00:00', SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

async function setUp(connection: Connection): Promise<void> {
  for (const sql of SESSION_SQL) await connection.query(sql);
}

function valuesOf(values: Values): ExecuteValues[] {
  return [...values];
}
