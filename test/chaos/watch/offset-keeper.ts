import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import type { ClickHouse } from '../../../src/clickhouse/client.js';
import type { Tables } from '../../../src/clickhouse/tables.js';
import { pause } from '../pause.js';

const EVERY_MS = 400;

type Position = readonly [insertedAtSeconds: number, startTimeMs: number, requestId: string];
const position = z.tuple([z.number(), z.number(), z.string()]);
const row = z.object({
  reader: z.enum(['highest', 'final']),
  bucketName: z.string(),
  raftSessionID: z.number(),
  offset: position,
});

/** A committed offset that went back. */
export interface OffsetRegression {
  /** Who sees it: readers that take the highest row of a source, or those that read FINAL. */
  readonly reader: 'highest' | 'final';
  readonly source: string;
  readonly from: Position;
  readonly to: Position;
  readonly at: string;
}

/** What an offset keeper reads, and where it writes what it saw. */
export interface OffsetKeeperOptions {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  /** Every change of an offset, a JSON line each. */
  readonly file: string;
  readonly stop: AbortSignal;
}

/**
 * Reads the committed offsets as readers see them, again and again, and answers those that went back. What cannot be
 * read because ClickHouse is away is read the next time.
 */
export async function keepOffsets(options: OffsetKeeperOptions): Promise<readonly OffsetRegression[]> {
  const seen = new Map<string, Position>();
  const regressions: OffsetRegression[] = [];
  while (!options.stop.aborted) {
    for (const { reader, bucketName, raftSessionID, offset } of await readOffsets(options)) {
      const source = `${raftSessionID}/${bucketName}`;
      const key = `${reader} ${source}`;
      const before = seen.get(key);
      const step = before === undefined ? 1 : compare(offset, before);
      if (step === 0) continue;
      const at = new Date().toISOString();
      if (before !== undefined && step < 0)
        regressions.push({ reader, source, from: before, to: offset, at });
      seen.set(key, offset);
      appendFileSync(options.file, `${JSON.stringify({ at, reader, source, offset, back: step < 0 })}\n`);
    }
    await pause(EVERY_MS, options.stop);
  }
  return regressions;
}

async function readOffsets({ clickhouse, tables }: OffsetKeeperOptions): Promise<z.infer<typeof row>[]> {
  const columns = `(toUnixTimestamp(lastProcessedInsertedAt), toUnixTimestamp64Milli(lastProcessedStartTime),
    lastProcessedReqId)`;
  try {
    return await clickhouse.query(
      row,
      `SELECT 'highest' AS reader, bucketName, raftSessionID, max(${columns}) AS offset
       FROM ${tables.offsets} GROUP BY bucketName, raftSessionID
       UNION ALL
       SELECT 'final' AS reader, bucketName, raftSessionID, ${columns} AS offset FROM ${tables.offsets} FINAL`,
      { doing: 'watch the offsets' },
    );
  } catch {
    return [];
  }
}

function compare(a: Position, b: Position): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
}
