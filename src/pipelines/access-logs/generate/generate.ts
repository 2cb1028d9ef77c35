import type { ClickHouseSettings } from '@clickhouse/client';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';
import { insertSql } from './insert-sql.js';
import { planGeneration, type GenerateOptions, type GenerationPlan } from './plan.js';

/** How a generation can be watched and stopped. */
export interface GenerateControl {
  readonly signal?: AbortSignal | undefined;
  /** Called after each INSERT with the number of records that are in the table. */
  readonly onProgress?: ((rowsDone: number) => void) | undefined;
}

/** What was generated. */
export interface GenerateResult {
  readonly rows: number;
  /** How many source buckets the records are from, at most. */
  readonly sourceBuckets: number;
  /** Names of the target buckets that the records ask for. */
  readonly targetBuckets: readonly string[];
  readonly firstInsertedAt: Date;
  readonly lastInsertedAt: Date;
}

/**
 * Makes access-log records inside ClickHouse and stores them in the logs table, some hundred thousands at a time.
 * When it is stopped half way, the records that are already in the table stay.
 *
 * @throws {RangeError} when an option is out of its bounds
 * @throws {ClickHouseUnreachableError} or {@link ClickHouseQueryError} as the client does
 */
export async function generateRecords(
  clickhouse: ClickHouse,
  tables: Tables,
  options: GenerateOptions & GenerateControl,
): Promise<GenerateResult> {
  const plan = planGeneration(options);
  const sql = insertSql(tables.logs);
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  let next = 0;
  let done = 0;
  const insertInTurn = async (): Promise<void> => {
    while (next < plan.rows) {
      signal.throwIfAborted();
      const from = next;
      const count = Math.min(plan.rowsPerInsert, plan.rows - from);
      next += count;
      await clickhouse.command(sql, {
        doing: `generate ${count} records`,
        parameters: parametersOf(plan, from, count),
        settings: SETTINGS,
        signal,
      });
      done += count;
      options.onProgress?.(done);
    }
  };
  await Promise.all(
    Array.from({ length: INSERTS_AT_A_TIME }, () =>
      insertInTurn().catch((error: unknown) => {
        failure.abort(error);
        throw error;
      }),
    ),
  );
  const { rows, sourceBuckets, targetBuckets, firstInsertedAt, lastInsertedAt } = plan;
  return { rows, sourceBuckets, targetBuckets, firstInsertedAt, lastInsertedAt };
}

/** While one statement is planned, which takes a single core, the other one works. */
const INSERTS_AT_A_TIME = 2;

/**
 * A long span is many hours, and so many partitions in one INSERT. Without the last one ClickHouse would copy the
 * WITH of the statement into each of its subqueries.
 */
const SETTINGS: ClickHouseSettings = {
  max_partitions_per_insert_block: '0',
  enable_global_with_statement: 0,
};

function parametersOf(plan: GenerationPlan, from: number, count: number): Readonly<Record<string, unknown>> {
  const { seed, rows, sourceBuckets, targetBuckets, spanSeconds, quietShare } = plan;
  const start = plan.lastInsertedAt.getTime() / 1000 - spanSeconds;
  return { seed, from, count, rows, start, spanSeconds, sourceBuckets, targetBuckets, quietShare };
}
