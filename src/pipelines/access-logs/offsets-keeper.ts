import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { compareOffsets, offsetOrNull, rawOffsetSchema, rawOffsetSql } from './offset.js';
import { commitOffsetsBehind } from './offsets.js';
import type { Source } from './order.js';
import type { OrderBook } from './order-book.js';
import { sourceKeyOf } from './sources.js';
import { firstUnsettled } from './unsettled.js';

/** What looking after the offsets works with. */
export interface OffsetsKeeperParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
}

/** By how much the clocks of the processes that write deliveries down may differ, in ms. */
const CLOCKS_DIFFER_MS = 3_600_000;
/** Time between two looks at the whole book, in ms. */
const WHOLE_EVERY_MS = 6 * 3_600_000;
const DAY_SECONDS = 86_400;

/** A source whose last settled order ends behind its offset. */
interface Behind extends Source {
  /** insertedAt of the offset in seconds; 0 for none. */
  readonly writtenSeconds: number;
}

/**
 * Brings the committed offsets up to what the order book says, whoever delivered and died before it could. The first
 * time, and every few hours, of all sources; else of those of which the book got something since the last time.
 */
export class OffsetsKeeper {
  readonly #parts: OffsetsKeeperParts;
  #wholeAtMs = -Infinity;
  #doneAtMs = -Infinity;

  constructor(parts: OffsetsKeeperParts) {
    this.#parts = parts;
  }

  /** Brings them up to date. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const nowMs = await this.#parts.book.now();
    const isWhole = nowMs - this.#wholeAtMs >= WHOLE_EVERY_MS;
    const behind = await this.#behind(isWhole ? 0 : this.#doneAtMs - CLOCKS_DIFFER_MS, signal);
    await this.#catchUpWith(behind, nowMs, signal);
    if (isWhole) this.#wholeAtMs = nowMs;
    this.#doneAtMs = nowMs;
  }

  async #catchUpWith(behind: readonly Behind[], nowMs: number, signal: AbortSignal): Promise<void> {
    const isRecent = ({ writtenSeconds }: Behind): boolean => writtenSeconds > nowMs / 1000 - DAY_SECONDS;
    // Apart, so that a source that was silent for long does not have the others' old orders read.
    for (const sources of [behind.filter(isRecent), behind.filter((source) => !isRecent(source))]) {
      const writtenFrom = Math.min(...sources.map(({ writtenSeconds }) => writtenSeconds));
      if (sources.length > 0)
        await commitOffsetsBehind(
          this.#parts.clickhouse,
          this.#parts.tables,
          { sources, writtenFrom },
          signal,
        );
    }
  }

  /** The sources that have settled something since a time and whose offsets could follow. */
  async #behind(sinceMs: number, signal: AbortSignal): Promise<readonly Behind[]> {
    const { clickhouse, tables } = this.#parts;
    const rows = await clickhouse.query(behindRow, behindSql(tables), {
      doing: 'look for offsets that are behind',
      parameters: { sinceMs: Math.max(0, sinceMs) },
      signal,
    });
    if (rows.length === 0) return [];
    const stuck = await firstUnsettled(clickhouse, tables);
    return rows
      .filter((row) => {
        const first = stuck.get(sourceKeyOf(row));
        // Behind an order that is not settled and begins where the offset stands, nothing can follow.
        return first === undefined || compareOffsets(first.after, offsetOrNull(row.written)) > 0;
      })
      .map(({ bucket, raftSession, written }) => ({ bucket, raftSession, writtenSeconds: written[0] }));
  }
}

const behindRow = z.object({ bucket: z.string(), raftSession: z.number(), written: rawOffsetSchema });

function behindSql({ workOrders, offsetsLocal }: Tables): string {
  return `SELECT bucketName AS bucket, raftSessionID AS raftSession, ${rawOffsetSql('any(position)')} AS written
    FROM ${workOrders} AS book
    LEFT JOIN (
      SELECT bucketName, raftSessionID,
        (toDateTime(lastProcessedInsertedAt, 'UTC'), toDateTime64(lastProcessedStartTime, 3, 'UTC'), lastProcessedReqId) AS position
      FROM ${offsetsLocal} FINAL
    ) AS committed USING (bucketName, raftSessionID)
    WHERE state IN ('delivered', 'skipped') AND updatedAt >= fromUnixTimestamp64Milli({sinceMs:Int64})
      AND (upToInsertedAt, upToStartTime, upToReqId) > position
    GROUP BY bucketName, raftSessionID`;
}
