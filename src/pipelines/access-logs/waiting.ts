import type { Bounds, Candidate, Finder } from './candidates.js';
import { compareOffsets } from './offset.js';
import type { AccessLogOrder } from './order.js';
import type { Left, Look } from './progress.js';
import type { ReadySource } from './ready.js';
import { sourceKeyOf } from './sources.js';

/** When a source is ready. Times in seconds. */
export interface Readiness {
  /** With this many records waiting. */
  readonly countThreshold: number;
  /** When its oldest waiting record was inserted then or earlier. */
  readonly oldEnough: number;
}

/** Most sources that one statement counts: keeps statements short. */
const MOST_A_STATEMENT = 500;
/** Fewest, so that many that turn out not to be ready do not take as many statements. */
const FEWEST_A_STATEMENT = 100;

/** What a look has found: all that may be ready, the oldest first, counted as it is asked for. */
export class Waiting {
  readonly #finder: Finder;
  readonly #bounds: Bounds;
  readonly #readiness: Readiness;
  readonly #candidates: Map<string, Candidate>;
  readonly #inTurn: readonly Candidate[];
  readonly #taken = new Set<string>();
  #counted = 0;
  /** Ready, but not asked for yet. */
  #over: ReadySource[] = [];

  constructor(
    finder: Finder,
    bounds: Bounds,
    readiness: Readiness,
    candidates: Map<string, Candidate>,
    suspects: readonly Candidate[],
  ) {
    this.#finder = finder;
    this.#bounds = bounds;
    this.#readiness = readiness;
    this.#candidates = candidates;
    const suspected = suspects.filter(({ raftSession }) => raftSession % bounds.shards === bounds.shard);
    this.#inTurn = [...candidates.values(), ...suspected]
      .filter((candidate) => mayBeReady(candidate, readiness))
      .sort(byAge);
  }

  /** All that may have something waiting, ready or not. */
  get candidates(): readonly Candidate[] {
    return [...this.#candidates.values()];
  }

  /** Whether more may be ready than was asked for. */
  get hasMore(): boolean {
    return this.#over.length > 0 || this.#counted < this.#inTurn.length;
  }

  /** The next sources that are ready, oldest first; fewer than `most` only when there are no more. */
  async next(most: number, signal?: AbortSignal): Promise<readonly ReadySource[]> {
    const ready = this.#over;
    while (this.#counted < this.#inTurn.length && ready.length < most) {
      const wanted = Math.min(MOST_A_STATEMENT, Math.max(FEWEST_A_STATEMENT, most - ready.length));
      const some = this.#inTurn.slice(this.#counted, this.#counted + wanted);
      this.#counted += some.length;
      ready.push(...this.#readyOf(await this.#finder.counted(some, this.#bounds, signal)));
    }
    ready.sort(byFirst);
    this.#over = ready.slice(most);
    return ready.slice(0, most);
  }

  #readyOf(counted: readonly Candidate[]): ReadySource[] {
    const ready: ReadySource[] = [];
    for (const candidate of counted) {
      const key = sourceKeyOf(candidate);
      const { exact } = candidate;
      const before = this.#candidates.get(key);
      if (before !== undefined) this.#candidates.set(key, { ...before, exact });
      if (exact === undefined || exact === null || this.#taken.has(key) || !isReady(exact, this.#readiness))
        continue;
      this.#taken.add(key);
      ready.push(exact);
    }
    return ready;
  }
}

/**
 * Finds the sources that may be ready, by arrivals and positions. Only those are counted in the logs.
 *
 * @param suspects sources in which somebody found records that wait, and that a look may not find by itself
 */
export async function findWaiting(
  finder: Finder,
  look: Look,
  bounds: Bounds,
  readiness: Readiness,
  suspects: readonly Candidate[] = [],
  signal?: AbortSignal,
): Promise<Waiting> {
  const [arrived, scanned] = await Promise.all([
    look.arrivedFrom === undefined ? [] : finder.arrived(look.arrivedFrom, bounds, signal),
    look.scanFrom === undefined ? [] : finder.scanned(look.scanFrom, bounds, signal),
  ]);
  return new Waiting(finder, bounds, readiness, merged(arrived, scanned, look.scanFrom), suspects);
}

/** One candidate a source. What a scan has counted holds unless the arrivals know of older records. */
function merged(
  arrived: readonly Candidate[],
  scanned: readonly Candidate[],
  scanFrom = 0,
): Map<string, Candidate> {
  const candidates = new Map(arrived.map((candidate) => [sourceKeyOf(candidate), candidate]));
  for (const scan of scanned) {
    const key = sourceKeyOf(scan);
    const other = candidates.get(key);
    const first = Math.min(scan.firstSeconds ?? Infinity, other?.firstSeconds ?? Infinity);
    const hasOlder = other?.firstSeconds !== undefined && other.firstSeconds < scanFrom;
    candidates.set(key, {
      ...scan,
      records: scan.records + (hasOlder ? other.records : 0),
      firstSeconds: Number.isFinite(first) ? first : undefined,
      exact: hasOlder ? undefined : scan.exact,
      arrivedSeconds: other?.arrivedSeconds,
      youngSeconds: other?.youngSeconds,
    });
  }
  return candidates;
}

function mayBeReady({ records, firstSeconds }: Candidate, { countThreshold, oldEnough }: Readiness): boolean {
  return firstSeconds !== undefined && (records >= countThreshold || firstSeconds <= oldEnough);
}

function isReady({ waiting }: ReadySource, { countThreshold, oldEnough }: Readiness): boolean {
  return waiting.records >= countThreshold || Date.parse(waiting.oldestAt) / 1000 <= oldEnough;
}

function byAge(a: Candidate, b: Candidate): number {
  return (a.firstSeconds ?? 0) - (b.firstSeconds ?? 0) || bySource(a, b);
}

function byFirst(a: ReadySource, b: ReadySource): number {
  return Date.parse(a.waiting.oldestAt) - Date.parse(b.waiting.oldestAt) || bySource(a, b);
}

function bySource(
  a: Pick<Candidate, 'bucket' | 'raftSession'>,
  b: Pick<Candidate, 'bucket' | 'raftSession'>,
): number {
  return a.bucket < b.bucket ? -1 : a.bucket > b.bucket ? 1 : a.raftSession - b.raftSession;
}

/**
 * What is left of each candidate when some orders are in the book. Of a source's orders only those count that join
 * one another, from its position on.
 */
export function leftOf(candidates: readonly Candidate[], orders: readonly AccessLogOrder[]): Left[] {
  const bySourceKey = new Map<string, AccessLogOrder[]>();
  for (const order of orders) {
    const of = bySourceKey.get(sourceKeyOf(order));
    if (of === undefined) bySourceKey.set(sourceKeyOf(order), [order]);
    else of.push(order);
  }
  return candidates.map((candidate) => leftOfOne(candidate, bySourceKey.get(sourceKeyOf(candidate)) ?? []));
}

function leftOfOne(candidate: Candidate, orders: readonly AccessLogOrder[]): Left {
  const { exact, firstSeconds, arrivedSeconds, youngSeconds } = candidate;
  const nothing: Left = { firstSeconds: undefined, arrivedSeconds: youngSeconds };
  if (exact === null || firstSeconds === undefined) return nothing;
  if (exact === undefined) return { firstSeconds, arrivedSeconds };
  let reached = exact.after;
  for (const order of [...orders].sort((a, b) => compareOffsets(a.upTo, b.upTo)))
    if (compareOffsets(order.after, reached) === 0) reached = order.upTo;
  if (compareOffsets(reached, exact.waiting.upTo) >= 0) return nothing;
  const first =
    reached === exact.after ? exact.waiting.oldestAt : (reached?.insertedAt ?? exact.waiting.oldestAt);
  return { firstSeconds: Date.parse(first) / 1000, arrivedSeconds };
}
