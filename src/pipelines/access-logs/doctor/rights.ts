import type { ClickHouse } from '../../../clickhouse/client.js';
import { ClickHouseQueryError } from '../../../clickhouse/errors.js';
import type { Tables } from '../../../clickhouse/tables.js';
import { about, ok, problem, type Finding } from '../../finding.js';
import { isToldElsewhere } from './told-elsewhere.js';

/**
 * Tries whether the user may read and write the tables that log-courier reads and writes. It reads, and inserts, no row:
 * that takes the same rights, and fails the same on a replica that is read-only.
 */
export async function tryRights(
  clickhouse: ClickHouse,
  tables: Tables,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const read = [tables.logs, tables.arrivals];
  const written = [tables.offsets, tables.workOrders, tables.orderClaims, tables.manifests];
  const statements = [
    ...read.map((table) => ({ table, may: 'be read', sql: `SELECT * FROM ${table} LIMIT 0` })),
    ...written.map((table) => ({
      table,
      may: 'be read and inserted into',
      sql: `INSERT INTO ${table} SELECT * FROM ${table} LIMIT 0`,
    })),
  ];
  const answers = await Promise.all(
    statements.map(async ({ table, may, sql }): Promise<Finding | 'granted' | undefined> => {
      try {
        await clickhouse.command(sql, { doing: `try ${table}`, signal });
        return 'granted';
      } catch (error) {
        if (isToldElsewhere(error)) return undefined;
        if (!(error instanceof ClickHouseQueryError)) throw error;
        return problem(
          about('clickhouse.rights', table.slice(tables.database.length + 1)),
          `it cannot ${may}: ${error.message}`,
          `let the ClickHouse user (clickhouse.username) SELECT${written.includes(table) ? ' and INSERT' : ''} there`,
        );
      }
    }),
  );
  const refused = answers.filter((answer) => typeof answer === 'object');
  if (refused.length > 0 || !answers.includes('granted')) return refused;
  return [
    ok(about('clickhouse.rights'), 'the user may read what is read, and insert where log-courier writes'),
  ];
}
