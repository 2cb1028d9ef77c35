import type { ClickHouse } from '../../../src/clickhouse/client.js';
import type { EventLog } from '../event-log.js';
import { pause } from '../pause.js';
import type { Random } from '../random.js';
import { rowsOf, type LogRow } from './rows.js';
import { planSources, type LoadSource } from './sources.js';

const EVERY_MS = 500;
const RETRY_MS = 300;
const LATE_CHANCE = 0.5;
/** An insert that takes longer than this may join ranges that are delivered already: its records are late, too. */
const SLOW_INSERT_MS = 1500;

/** How to load. */
export interface LoadOptions {
  readonly clickhouse: ClickHouse;
  readonly table: string;
  readonly recordsPerSecond: number;
  /** Whether records are to be inserted, from time to time, with an insertedAt that lies back. */
  readonly lateRecords: boolean;
  readonly events: EventLog;
  readonly stop: AbortSignal;
}

/** What has been inserted. */
export interface LoadCounts {
  /** Rows of inserts that were acknowledged. */
  readonly records: number;
  /** Of them, those with an insertedAt that lay back. */
  readonly late: number;
  /** Of them, those whose insert took so long that they may have been late. */
  readonly slow: number;
}

/** Inserts records all the time, until it is stopped. */
export async function runLoad(
  options: LoadOptions,
  random: Random,
  onProgress: (counts: LoadCounts) => void,
): Promise<LoadCounts> {
  const sources = planSources(random, (options.recordsPerSecond * EVERY_MS) / 1000);
  const nextId = idMaker(random);
  const counts = { records: 0, late: 0, slow: 0 };
  const add = async (rows: readonly LogRow[], isLate: boolean): Promise<void> => {
    const milliseconds = await insert(options, rows);
    if (milliseconds === undefined) return;
    counts.records += rows.length;
    if (isLate) counts.late += rows.length;
    else if (milliseconds > SLOW_INSERT_MS) counts.slow += rows.length;
    onProgress(counts);
  };
  while (!options.stop.aborted) {
    const began = performance.now();
    await add(freshRows(sources, random, nextId), false);
    if (options.lateRecords && random.chance(LATE_CHANCE)) await add(lateRows(sources, random, nextId), true);
    await pause(Math.max(0, EVERY_MS - (performance.now() - began)), options.stop);
  }
  return counts;
}

function idMaker(random: Random): () => string {
  const begin = random.integer(0, 0xffff).toString(16).padStart(4, '0').toUpperCase();
  let count = 0;
  return () => {
    count += 1;
    return begin + count.toString(16).padStart(12, '0').toUpperCase();
  };
}

function freshRows(sources: readonly LoadSource[], random: Random, nextId: () => string): LogRow[] {
  const nowMs = Date.now();
  return sources.flatMap((source) => {
    const count = random.chance(source.busy) ? random.integer(0, Math.round(source.records)) : 0;
    return rowsOf(source, random, { count, nowMs, lateSeconds: 0, nextId });
  });
}

function lateRows(sources: readonly LoadSource[], random: Random, nextId: () => string): LogRow[] {
  const source = sources[random.integer(0, sources.length - 1)];
  if (source === undefined) return [];
  const count = random.integer(1, 8);
  // Most of them fall into ranges that are being delivered, some into such as were delivered long ago.
  const lateSeconds = random.chance(0.8) ? random.integer(3, 25) : random.integer(25, 60);
  return rowsOf(source, random, { count, nowMs: Date.now(), lateSeconds, nextId });
}

/**
 * Inserts until it is acknowledged or the load is stopped. Rows whose first insert was done without being acknowledged
 * are then there twice, which is as good as any other record.
 *
 * @returns how long the insert took, in ms; undefined when it was given up
 */
async function insert(options: LoadOptions, rows: readonly LogRow[]): Promise<number | undefined> {
  const { clickhouse, table, events, stop } = options;
  for (;;) {
    const began = performance.now();
    try {
      await clickhouse.insert(table, rows, { doing: 'add records' });
      const milliseconds = Math.round(performance.now() - began);
      if (milliseconds > SLOW_INSERT_MS) events.note('slow insert', { milliseconds, records: rows.length });
      return milliseconds;
    } catch (error) {
      events.note('insert failed', { records: rows.length, error: String(error) });
    }
    if (stop.aborted) return undefined;
    await pause(RETRY_MS, stop);
  }
}
