import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import {
  arrivedCandidates,
  countWaiting,
  scannedCandidates,
  type Bounds,
  type Candidate,
} from './candidates.js';
import type { StoreState } from './circumstances.js';
import type { ReadySource } from './ready.js';
import { sourceKeyOf } from './sources.js';

/** What looking for old records that no order has works with. */
export interface NotOrderedParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
}

interface Suspect {
  readonly candidate: Candidate;
  /** In seconds; up to this insertedAt the source is known to be worth a look. */
  readonly until: number;
}

const HOUR = 3600;
/** How long the insert of a record may take, in seconds. */
const INSERT_SECONDS = 600;
/** Sources that one statement counts. */
const COUNTED_A_TIME = 500;

/**
 * Finds old records that no order has, again and again, without reading all old records each time: what has arrived
 * since the last look or is about to grow old is asked of the arrivals; each hour of records that begins to grow old is
 * scanned once, whatever the arrivals say; and sources that were found are remembered and counted anew.
 */
export class NotOrdered {
  readonly #parts: NotOrderedParts;
  readonly #suspects = new Map<string, Suspect>();
  #waiting: readonly Candidate[] = [];
  #looked: { readonly at: number; readonly upTo: number } | undefined;
  #scannedTo = 0;

  constructor(parts: NotOrderedParts) {
    this.#parts = parts;
  }

  /** The sources that had such records at the last look. */
  get sources(): readonly Candidate[] {
    return this.#waiting;
  }

  /**
   * Looks once.
   *
   * @param upTo insertedAt of the youngest record that counts as old, in seconds
   * @param retainedFrom insertedAt of the oldest that is kept
   */
  async look(
    upTo: number,
    retainedFrom: number,
    { now, trustedFrom }: StoreState,
    signal?: AbortSignal,
  ): Promise<readonly ReadySource[]> {
    const bounds = { shard: 0, shards: 1, horizon: upTo, recentFrom: Math.max(0, now - HOUR) };
    await this.#ask(bounds, signal);
    const isCounted = trustedFrom !== undefined && trustedFrom <= retainedFrom;
    await this.#scan(bounds, isCounted, signal);
    this.#looked = { at: now, upTo };
    return this.#count(bounds, signal);
  }

  async #ask(bounds: Bounds, signal?: AbortSignal): Promise<void> {
    const { at = 0, upTo = 0 } = this.#looked ?? {};
    const parts = { ...this.#parts, meter: { rowsRead: 0 } };
    const news = await arrivedCandidates(parts, Math.max(0, at - INSERT_SECONDS), bounds, signal);
    const agingTo = bounds.horizon + HOUR;
    const aging =
      this.#looked === undefined
        ? []
        : await arrivedCandidates(parts, Math.max(0, upTo - HOUR), bounds, signal, agingTo);
    for (const candidate of [...news, ...aging]) this.#suspect(candidate, bounds.horizon);
  }

  async #scan(bounds: Bounds, isCounted: boolean, signal?: AbortSignal): Promise<void> {
    const hour = Math.floor(bounds.horizon / HOUR) * HOUR;
    if (hour < this.#scannedTo) return;
    const from = isCounted && this.#scannedTo === 0 ? hour : this.#scannedTo;
    const until = hour + HOUR;
    const parts = { ...this.#parts, meter: { rowsRead: 0 } };
    const found = await scannedCandidates(parts, from, { ...bounds, horizon: until - 1 }, signal);
    for (const candidate of found) this.#suspect({ ...candidate, known: false }, until);
    this.#scannedTo = until;
  }

  #suspect(candidate: Candidate, until: number): void {
    if (candidate.firstSeconds === undefined) return;
    const key = sourceKeyOf(candidate);
    const before = this.#suspects.get(key);
    const firstSeconds = Math.min(candidate.firstSeconds, before?.candidate.firstSeconds ?? Infinity);
    this.#suspects.set(key, {
      candidate: { ...candidate, firstSeconds, known: false, exact: undefined },
      until: Math.max(until, before?.until ?? 0),
    });
  }

  async #count(bounds: Bounds, signal?: AbortSignal): Promise<readonly ReadySource[]> {
    const parts = { ...this.#parts, meter: { rowsRead: 0 } };
    const old = [...this.#suspects.values()]
      .map(({ candidate }) => candidate)
      .filter(({ firstSeconds = Infinity }) => firstSeconds <= bounds.horizon);
    const waiting: Candidate[] = [];
    const ready: ReadySource[] = [];
    for (let from = 0; from < old.length; from += COUNTED_A_TIME) {
      const some = old.slice(from, from + COUNTED_A_TIME);
      for (const candidate of await countWaiting(parts, some, bounds, signal)) {
        const { exact } = candidate;
        if (exact === null || exact === undefined) {
          this.#clear(candidate, bounds.horizon);
          continue;
        }
        ready.push(exact);
        waiting.push({ ...candidate, records: Infinity, exact: undefined });
      }
    }
    this.#waiting = waiting;
    return ready;
  }

  #clear(candidate: Candidate, horizon: number): void {
    const key = sourceKeyOf(candidate);
    const until = this.#suspects.get(key)?.until ?? 0;
    if (until <= horizon) this.#suspects.delete(key);
  }
}
