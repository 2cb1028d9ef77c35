import { ChecksumOf } from './checksum.js';
import { RunWriter } from './runs.js';

/** Which keys of a stretch of a table have rows. */
export interface Chunk {
  readonly from: number;
  /** Included. */
  readonly to: number;
  /** The keys that have rows, ascending; undefined when all have. */
  readonly keys?: readonly number[] | undefined;
}

/** How a destination wants its batches. */
export interface BatchLimits {
  /** Fewest rows. */
  readonly min: number;
  /** Most rows. */
  readonly max: number;
}

/** What one order is to hold. */
export interface Cut {
  /** Not included. */
  readonly after: number;
  /** Included, and a key that has a row. */
  readonly upTo: number;
  readonly firstKey: number;
  readonly records: number;
  /** Sum of the CRC-32 of the keys' decimal texts. */
  readonly checksum: string;
  /** The keys in between that have no row, as {@link RunWriter} writes them. */
  readonly missing: Buffer;
}

/**
 * Cuts what lies behind the last order into batches, chunk by chunk. Up to `settledUpTo` missing keys are old: their rows
 * will not come any more, or are late. Behind it the first missing key ends everything, because a transaction that is
 * under way may still bring its row.
 */
export class Cutter {
  /** Batches that are full. */
  readonly cuts: Cut[] = [];
  private open: OpenCut | undefined;
  /** The last key that was looked at. */
  private last: number;
  private isEnded = false;

  /**
   * @param after the end of the last order
   * @param most how many batches to make
   */
  constructor(
    private readonly after: number,
    private readonly settledUpTo: number,
    private readonly limits: BatchLimits,
    private readonly most: number,
  ) {
    this.last = after;
  }

  /** Whether nothing more can be taken: at a young gap, or with as many batches as are wanted. */
  get ended(): boolean {
    return this.isEnded || this.cuts.length >= this.most;
  }

  /** Whether a young gap was what ended everything. */
  get stoppedAtGap(): boolean {
    return this.isEnded;
  }

  /** Rows that are ready but do not fill a batch. */
  get rest(): number {
    return this.open?.records ?? 0;
  }

  /** Takes the next stretch of the table; nothing lies between it and the one before but missing keys. */
  add(chunk: Chunk): void {
    if (chunk.keys === undefined) this.addRun(chunk.from, chunk.to);
    else for (const key of chunk.keys) this.addRun(key, key);
  }

  /** All batches, the last one too if it holds enough. */
  finish(): readonly Cut[] {
    if (this.open !== undefined && this.open.records >= this.limits.min && this.cuts.length < this.most)
      this.close();
    return this.cuts;
  }

  private addRun(from: number, to: number): void {
    let next = from;
    while (next <= to && !this.ended) {
      const gap = next > this.last + 1;
      if (gap && next - 1 > this.settledUpTo) {
        this.isEnded = true;
        return;
      }
      this.open ??= new OpenCut(this.cuts.at(-1)?.upTo ?? this.after, next);
      if (gap) this.open.miss(this.last + 1, next - 1);
      const end = Math.min(to, next + this.limits.max - this.open.records - 1);
      this.open.take(next, end);
      this.last = end;
      next = end + 1;
      if (this.open.records >= this.limits.max) this.close();
    }
  }

  private close(): void {
    if (this.open === undefined) return;
    this.cuts.push(this.open.cut());
    this.open = undefined;
  }
}

/** A batch that is being filled. */
class OpenCut {
  records = 0;
  private readonly missing: RunWriter;
  private readonly checksum = new ChecksumOf();
  private upTo = 0;

  constructor(
    private readonly after: number,
    private readonly firstKey: number,
  ) {
    this.missing = new RunWriter(after);
  }

  miss(from: number, to: number): void {
    this.missing.add(from, to);
  }

  take(from: number, to: number): void {
    this.checksum.run(from, to);
    this.records += to - from + 1;
    this.upTo = to;
  }

  cut(): Cut {
    const { after, upTo, firstKey, records } = this;
    return { after, upTo, firstKey, records, checksum: this.checksum.text, missing: this.missing.finish() };
  }
}
