import { z } from 'zod';
import type { ClickHouseDestination } from '../../../destinations/clickhouse/insert.js';
import { avroFile, BLOCK_BYTES, syncMarkerOf } from '../../../formats/avro/writer.js';
import type { DeliveredObject } from '../../pipeline.js';
import type { Database } from '../mysql/database.js';
import { keySql, quoted } from '../mysql/identifiers.js';
import type { TableOrder } from '../order.js';
import type { TableShape } from '../shape/shape.js';
import { createTableSql, insertSql, ofOrderSql, type Days } from './clickhouse-sql.js';
import type { Copier, Copy, Found } from './copier.js';

/** What copies into ClickHouse work with. */
export interface ClickHouseCopierOptions {
  readonly client: ClickHouseDestination;
  /** The source, which says on which days an order's rows are. */
  readonly database: Database;
}

/**
 * Copies the rows of an order into a table of ClickHouse. An order that was tried before is compared with what is there:
 * rows are told by their keys, and only those that are missing are inserted. Inserts carry a token, so that one that was on
 * its way when its processor died counts once, where the table keeps such tokens.
 */
export function createClickHouseCopier({ client, database }: ClickHouseCopierOptions): Copier {
  const made = new Set<string>();
  const prepare = async (shape: TableShape, signal: AbortSignal): Promise<void> => {
    if (made.has(shape.table)) return;
    await client.command(createTableSql(shape), signal);
    made.add(shape.table);
  };
  return {
    archiver: 'clickhouse',
    engine: 'clickhouse-rows',
    place: client.place,
    title: 'ClickHouse',
    target: { one: 'ClickHouse database', many: 'ClickHouse databases' },
    object: { one: 'insert', many: 'inserts' },
    check: (signal) => client.ping(signal),
    close: () => client.close(),
    copy: async (copy): Promise<readonly DeliveredObject[]> => {
      const { order, shape, selection, signal } = copy;
      // As many rows are not enough: late ones of another order may have come between since the selection was made.
      const isWhole = (found: InRange): boolean =>
        found.distinct === order.records && found.distinctChecksum === copy.checksum;
      await prepare(shape, signal);
      const range = ofOrderSql(shape, order, selection, await daysOf(database, shape, order));
      const there = await countOf(client, shape, range, signal);
      const bytes = isWhole(there) ? 0 : await insert(client, copy, there.distinct, range);
      const after = await countOf(client, shape, range, signal);
      if (!isWhole(after)) throw new OtherRowsError(order.id, order.records, after.distinct);
      return [
        {
          ...{
            bucket: client.place,
            prefix: '',
            key: `${shape.clickhouse.name}: keys up to ${String(order.upTo)}`,
          },
          ...{ records: order.records, bytes, sha256: '' },
        },
      ];
    },
    find: ({ entry, shape, selection }, signal): Promise<Found> =>
      countOf(client, shape, ofOrderSql(shape, entry.order, selection, undefined), signal),
  };
}

/** ClickHouse has other rows in an order's range after its insert than those of the order. */
class OtherRowsError extends Error {
  override readonly name = 'OtherRowsError';

  constructor(id: string, ordered: number, found: number) {
    super(
      `work order ${id}: ${String(ordered)} rows were inserted into ClickHouse, which has ${String(found)} in their range now, not the same ones. ` +
        'Late rows that were delivered meanwhile pass with the next attempt; else: is a replica behind, does the table drop rows, or has somebody else written there?',
    );
  }
}

/** Rows of an order make one block for each partition, however they come: so the token means the same each time. */
const ONE_BLOCK = {
  max_insert_block_size: '100000000',
  min_insert_block_size_rows: '100000000',
  min_insert_block_size_bytes: '0',
  max_insert_threads: '1',
} as const;

async function insert(
  client: ClickHouseDestination,
  { order, shape, rows, signal, tell }: Copy,
  there: number,
  range: string,
): Promise<number> {
  tell(there === 0 ? 'inserts' : `${String(there)} rows are there; inserts the others`);
  const content = avroFile({
    schema: shape.schema,
    codec: 'null',
    blockBytes: BLOCK_BYTES,
    rows: rows(),
    syncMarker: syncMarkerOf(order.id),
  });
  const { bytes } = await client.insertAvro({
    sql: insertSql(shape, there === 0 ? undefined : range),
    // What is inserted beside what was there is another insert.
    token: there === 0 ? order.id : `${order.id}-${String(there)}`,
    content,
    settings: ONE_BLOCK,
    signal,
  });
  return bytes;
}

/** What ClickHouse has in a range. */
interface InRange extends Found {
  /** Different keys. */
  readonly distinct: number;
  /** As `checksum`, each key once. */
  readonly distinctChecksum: string;
}

async function countOf(
  client: ClickHouseDestination,
  { clickhouse, key }: TableShape,
  where: string,
  signal: AbortSignal,
): Promise<InRange> {
  const [row] = await client.query(
    countRow,
    `SELECT toString(sum(copies)) AS records, toString(count()) AS distinct_keys,
       toString(sum(crc)) AS distinct_checksum, toString(sum(crc * copies)) AS checksum
     FROM (SELECT toUInt64(CRC32(toString(${quoted(key)}))) AS crc, count() AS copies
       FROM ${quoted(clickhouse.name)} WHERE ${where} GROUP BY ${quoted(key)})`,
    signal,
  );
  return {
    records: Number(row?.records ?? 0),
    distinct: Number(row?.distinct_keys ?? 0),
    checksum: row?.checksum ?? '0',
    distinctChecksum: row?.distinct_checksum ?? '0',
  };
}

const countRow = z.object({
  records: z.string(),
  distinct_keys: z.string(),
  distinct_checksum: z.string(),
  checksum: z.string(),
});

/** The days on which the rows of an order are, by the source; undefined where ClickHouse does not keep rows by day. */
async function daysOf(database: Database, shape: TableShape, order: TableOrder): Promise<Days | undefined> {
  if (shape.clickhouse.dateColumn === '') return undefined;
  const [key, time] = [quoted(shape.key), quoted(shape.time)];
  const [row] = await database.rowsOnce(
    'look on which days rows are',
    `SELECT CAST(DATE(MIN(${time})) AS CHAR), CAST(DATE(MAX(${time})) AS CHAR) FROM ${quoted(shape.table)}
     WHERE ${key} > ${keySql(order.after)} AND ${key} <= ${keySql(order.upTo)}`,
  );
  const days = z.tuple([z.iso.date(), z.iso.date()]).safeParse(row);
  return days.success ? { from: days.data[0], to: days.data[1] } : undefined;
}
