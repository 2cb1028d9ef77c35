import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';
import { finderIn, type Bounds, type Candidate } from '../candidates.js';
import type { StoreState } from '../circumstances.js';
import { recentFrom } from '../discover.js';
import { planLook, progressAfter, type Circumstances, type Progress } from '../progress.js';
import { sourceKeyOf } from '../sources.js';
import { findWaiting, leftOf } from '../waiting.js';

/** Sources that one statement counts. */
const COUNTED_A_TIME = 500;

/** Records of one source that no order has. */
export interface Unordered {
  readonly records: number;
  /** InsertedAt of the oldest, in seconds. */
  readonly oldestSeconds: number;
}

/**
 * Knows what waits and has no order, source by source, and keeps up with it as discovery does: each look asks the
 * arrivals from the oldest that still waits on, and the logs only for what the arrivals cannot know.
 */
export class NotOrderedTable {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  #progress: Progress | undefined;
  #candidates: readonly Candidate[] = [];

  constructor(clickhouse: ClickHouse, tables: Tables) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
  }

  /** The sources that had something waiting at the last look. */
  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  /** Looks once. `retainedFrom` is the insertedAt of the oldest record that is kept, in seconds. */
  async look(state: StoreState, retainedFrom: number, signal?: AbortSignal): Promise<void> {
    const { now, upSince, trustedFrom, identity } = state;
    // What is too young to be ordered waits too.
    const given: Circumstances = { now, horizon: now, upSince, trustedFrom, retainedFrom };
    const before = this.#progress?.of === identity ? this.#progress : undefined;
    const look = planLook(before, given);
    const bounds = { shard: 0, shards: 1, horizon: now, recentFrom: recentFrom(look, given) };
    const finder = finderIn({ clickhouse: this.#clickhouse, tables: this.#tables, meter: { rowsRead: 0 } });
    const found = await findWaiting(finder, look, bounds, { countThreshold: 1, oldEnough: now }, [], signal);
    const candidates = await this.#certain(found.candidates, bounds, signal);
    this.#progress = progressAfter(before, identity, look, given, leftOf(candidates, []));
    this.#candidates = candidates.filter(
      ({ exact, firstSeconds }) => exact !== null && firstSeconds !== undefined,
    );
  }

  /** Counts what the sources of a bucket really have waiting at this moment. */
  async count(bucket: string, now: number, signal?: AbortSignal): Promise<Unordered | undefined> {
    const of = this.#candidates
      .filter((candidate) => candidate.bucket === bucket)
      .map((candidate) => ({ ...candidate, known: false, exact: undefined }));
    const bounds = { shard: 0, shards: 1, horizon: now, recentFrom: 0 };
    const finder = finderIn({ clickhouse: this.#clickhouse, tables: this.#tables, meter: { rowsRead: 0 } });
    return byBucket(await finder.counted(of, bounds, signal)).get(bucket);
  }

  /** Sources whose position is not certain may only seem to have something waiting: these are counted. */
  async #certain(
    candidates: readonly Candidate[],
    bounds: Bounds,
    signal?: AbortSignal,
  ): Promise<readonly Candidate[]> {
    const isDoubtful = ({ known, exact, firstSeconds }: Candidate): boolean =>
      !known && exact === undefined && firstSeconds !== undefined;
    const doubtful = candidates.filter(isDoubtful);
    const finder = finderIn({ clickhouse: this.#clickhouse, tables: this.#tables, meter: { rowsRead: 0 } });
    const counted = new Map<string, Candidate>();
    for (let from = 0; from < doubtful.length; from += COUNTED_A_TIME) {
      const some = doubtful.slice(from, from + COUNTED_A_TIME);
      for (const candidate of await finder.counted(some, bounds, signal))
        counted.set(sourceKeyOf(candidate), candidate);
    }
    return candidates.map((candidate) => counted.get(sourceKeyOf(candidate)) ?? candidate);
  }
}

/** What waits without an order, by bucket. */
export function byBucket(candidates: readonly Candidate[]): ReadonlyMap<string, Unordered> {
  const buckets = new Map<string, Unordered>();
  for (const { bucket, exact, records, firstSeconds } of candidates) {
    if (exact === null || firstSeconds === undefined) continue;
    const oldestSeconds =
      exact === undefined ? firstSeconds : Math.floor(Date.parse(exact.waiting.oldestAt) / 1000);
    const before = buckets.get(bucket);
    buckets.set(bucket, {
      records: (before?.records ?? 0) + (exact?.waiting.records ?? records),
      oldestSeconds: Math.min(before?.oldestSeconds ?? Infinity, oldestSeconds),
    });
  }
  return buckets;
}
