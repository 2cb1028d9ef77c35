import { z } from 'zod';
import type { ClickHouse } from '../../src/clickhouse/client.js';

/**
 * How many rows ClickHouse has read from tables since it was started, for everybody. The difference of two looks is
 * what was read between them, and the few hundred rows of a look itself.
 */
export async function rowsRead(clickhouse: ClickHouse): Promise<number> {
  const [row] = await clickhouse.query(
    z.object({ value: z.number() }),
    `SELECT sum(value) AS value FROM system.events WHERE event = 'SelectedRows'`,
    { doing: 'ask how many rows were read' },
  );
  return row?.value ?? 0;
}
