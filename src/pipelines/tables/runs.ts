import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Keys from the one to the other, both included. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

const FIRST_BYTES = 256;

/**
 * Writes runs of keys down, in ascending order, in little room: for each run the distance from the end of the one before,
 * and its length less one, as variable-length numbers.
 */
export class RunWriter {
  private buffer = Buffer.alloc(FIRST_BYTES);
  private length = 0;
  private last: number;
  private pending: { from: number; to: number } | undefined;

  /** @param after a key before all runs: distances count from it */
  constructor(after: number) {
    this.last = after;
  }

  /** Adds keys behind all that were added. What touches the run before becomes part of it. */
  add(from: number, to: number): void {
    if (this.pending !== undefined && from === this.pending.to + 1) {
      this.pending.to = to;
      return;
    }
    this.flush();
    this.pending = { from, to };
  }

  /** All runs; empty when there is none. */
  finish(): Buffer {
    this.flush();
    return this.length === 0 ? Buffer.alloc(0) : deflateRawSync(this.buffer.subarray(0, this.length));
  }

  private flush(): void {
    if (this.pending === undefined) return;
    const { from, to } = this.pending;
    this.number(from - this.last);
    this.number(to - from);
    this.last = to;
    this.pending = undefined;
  }

  private number(value: number): void {
    if (this.length + 10 > this.buffer.length)
      this.buffer = Buffer.concat([this.buffer, Buffer.alloc(this.buffer.length)]);
    let rest = value;
    while (rest >= 128) {
      this.buffer[this.length] = (rest % 128) + 128;
      this.length += 1;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length] = rest;
    this.length += 1;
  }
}

/** The runs that a {@link RunWriter} wrote, one after the other. */
export function* runsIn(written: Uint8Array, after: number): Generator<Run> {
  if (written.length === 0) return;
  const bytes = inflateRawSync(written);
  let [at, last] = [0, after];
  const number = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const from = last + number();
    last = from + number();
    yield { from, to: last };
  }
}

/** Says of keys, asked in ascending order, whether they are in one of the runs. */
export class RunCursor {
  private readonly runs: Iterator<Run, unknown>;
  private current: Run | undefined;

  /** @param runs in ascending order */
  constructor(runs: Iterable<Run>) {
    this.runs = runs[Symbol.iterator]();
    this.next();
  }

  /** Whether a key is in a run; no smaller key may be asked for afterwards. */
  has(key: number): boolean {
    while (this.current !== undefined && this.current.to < key) this.next();
    return this.current !== undefined && this.current.from <= key;
  }

  /** Whether any key of [from, to] may be in a run; `from` counts as asked for. */
  touches(from: number, to: number): boolean {
    while (this.current !== undefined && this.current.to < from) this.next();
    return this.current !== undefined && this.current.from <= to;
  }

  private next(): void {
    const next = this.runs.next();
    this.current = next.done === true ? undefined : next.value;
  }
}
