/** Numbers kept at first; the room doubles when it is full. */
const INITIAL_ROOM = 1024;

/**
 * A multiset of texts, of which only a 52-bit hash is kept: 8 bytes each, so that millions of request ids can be
 * compared. Two texts with one hash would be taken for the same; among ten million that happens once in a hundred
 * audits, and then hides or invents no more than one record.
 */
export class RecordMultiset {
  #hashes = new Float64Array(INITIAL_ROOM);
  #size = 0;

  /** Members, with their repetitions. */
  get size(): number {
    return this.#size;
  }

  /** Adds one member. */
  add(text: string): void {
    if (this.#size === this.#hashes.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#size] = hash52(text);
    this.#size += 1;
  }

  /** The hashes in ascending order. */
  sorted(): Float64Array {
    return this.#hashes.slice(0, this.#size).sort();
  }
}

/** How two multisets differ. */
export interface MultisetDifference {
  /** Members of the first that the second has too, as often as in both. */
  readonly common: number;
  /** Members of the first that the second has less often: how many are missing. */
  readonly missing: number;
  /** Members of both that the second has more often: how many are too many. */
  readonly surplus: number;
}

/** Compares what is expected with what was found. Members that are not expected at all are passed over. */
export function compareMultisets(expected: RecordMultiset, found: RecordMultiset): MultisetDifference {
  const want = expected.sorted();
  const have = found.sorted();
  let [common, missing, surplus] = [0, 0, 0];
  let at = 0;
  for (let i = 0; i < want.length;) {
    const hash = want[i] ?? 0;
    const wanted = runLength(want, i);
    i += wanted;
    while (at < have.length && (have[at] ?? 0) < hash) at += 1;
    const had = at < have.length && have[at] === hash ? runLength(have, at) : 0;
    at += had;
    common += Math.min(wanted, had);
    missing += Math.max(0, wanted - had);
    surplus += Math.max(0, had - wanted);
  }
  return { common, missing, surplus };
}

function runLength(sorted: Float64Array, from: number): number {
  let end = from + 1;
  while (end < sorted.length && sorted[end] === sorted[from]) end += 1;
  return end - from;
}

/** Two multiplicative hashes of 32 bits with different seeds, of which 52 bits are kept (as in cyrb53). */
function hash52(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (low >>> 0) * 0x100000 + (high >>> 12);
}
