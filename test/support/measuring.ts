import type { z } from 'zod';
import { ClickHouse, type Measured, type RequestOptions } from '../../src/clickhouse/client.js';

/** ClickHouse with a count of the rows that it read for the queries that were sent through this client. */
export class MeasuringClickHouse extends ClickHouse {
  rowsRead = 0;

  override async query<Row>(row: z.ZodType<Row>, sql: string, options: RequestOptions): Promise<Row[]> {
    const { rows } = await this.queryMeasured(row, sql, options);
    return [...rows];
  }

  override async queryMeasured<Row>(
    row: z.ZodType<Row>,
    sql: string,
    options: RequestOptions,
  ): Promise<Measured<Row>> {
    const measured = await super.queryMeasured(row, sql, options);
    this.rowsRead += measured.rowsRead;
    return measured;
  }
}
