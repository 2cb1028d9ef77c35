import { createPool, type Pool, type RowDataPacket } from 'mysql2/promise';
import { startMariaDb, MARIADB_USER } from '../../src/embedded/mariadb.js';
import type { Engine } from '../../src/embedded/engine.js';
import { useEngines } from './test-engines.js';

/** One database of a MariaDB that runs for tests. */
export interface TestDatabase {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `mysql://root@127.0.0.1:port/name` */
  readonly url: string;
  readonly pool: Pool;
  /** Runs one statement and answers its rows; integers beyond 2^53 come as text. */
  rows(sql: string, values?: readonly unknown[]): Promise<readonly RowDataPacket[]>;
  /** Runs one statement that answers no rows. */
  run(sql: string, values?: readonly unknown[]): Promise<void>;
}

/** A MariaDB that runs for tests. */
export interface TestMariaDb {
  readonly engine: Engine;
  /** Makes an empty database. */
  database(): Promise<TestDatabase>;
  stop(): Promise<void>;
}

/**
 * Starts a MariaDB before the tests of a file, and ends it behind them. Each test, or each group of them, makes a
 * database of its own.
 *
 * @param name of the tests
 */
export function useMariaDb(name: string): () => TestMariaDb {
  return useEngines(`mariadb-${name}`, startTestMariaDb);
}

/** Starts a MariaDB that is quick rather than safe from a power failure; the caller stops it. */
export async function startTestMariaDb({ dir }: { readonly dir: string }): Promise<TestMariaDb> {
  const engine = await startMariaDb({ dir, isDurable: false });
  const pools: Pool[] = [];
  let made = 0;
  return {
    engine,
    database: async () => {
      made += 1;
      const name = `test_${String(made)}`;
      const admin = createPool({ host: '127.0.0.1', port: engine.port, user: MARIADB_USER });
      try {
        await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
      } finally {
        await admin.end();
      }
      const database = openTestDatabase(engine.port, name);
      pools.push(database.pool);
      return database;
    },
    stop: async () => {
      await Promise.all(pools.map((pool) => pool.end().catch(() => undefined)));
      await engine.stop();
    },
  };
}

/** Opens a database that is there; the caller ends its pool. */
export function openTestDatabase(port: number, name: string): TestDatabase {
  const [host, user] = ['127.0.0.1', MARIADB_USER];
  const pool = createPool({
    ...{ host, port, user, database: name },
    supportBigNumbers: true,
    dateStrings: true,
    timezone: 'Z',
  });
  return {
    ...{ name, host, port, user, pool },
    url: `mysql://${user}@${host}:${String(port)}/${name}`,
    rows: async (sql, values = []) => {
      const [rows] = await pool.query<RowDataPacket[]>(sql, [...values]);
      return rows;
    },
    run: async (sql, values = []) => {
      await pool.query(sql, [...values]);
    },
  };
}
