import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../in-time.js';

/** How long the end of what is being read is waited for, in ms. */
const CLOSE_PATIENCE_MS = 500;

/** Something that is read again and again. */
export interface Refreshed {
  /** Reads it once; whatever it throws is handed to `failed`. */
  readonly read: (signal: AbortSignal) => Promise<void>;
  readonly failed: (error: unknown) => void;
  /** Time between two readings while somebody watches, and while nobody does; ms. */
  readonly watchedMs: number;
  readonly unwatchedMs: number;
  readonly isWatched: () => boolean;
}

/** A reading takes no more than this part of the time. */
const MOST_SHARE = 0.2;

/**
 * Reads something again and again, one reading at a time, until it is closed. Readings that take long come less often.
 */
export class Refresh {
  readonly #of: Refreshed;
  readonly #closed = new AbortController();
  /** Aborted to cut a pause short. */
  #pause = new AbortController();
  #reading: Promise<void> | undefined;
  #ended: Promise<void> | undefined;

  constructor(of: Refreshed) {
    this.#of = of;
  }

  /** Begins. */
  start(): void {
    this.#ended ??= this.#run();
  }

  /** Has the next reading begin at once, unless one has just begun. */
  hurry(): void {
    this.#pause.abort();
  }

  /** Reads what is true from now on: a reading that is under way may have begun before. */
  async now(): Promise<void> {
    await this.#reading;
    if (!this.#closed.signal.aborted) await this.#read();
  }

  /** Ends, and what is being read with it. What does not end then, such as a command to a Redis that is away, is left. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#pause.abort();
    await inTime(Promise.all([this.#ended, this.#reading]), CLOSE_PATIENCE_MS).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const began = performance.now();
      await this.#read();
      const took = performance.now() - began;
      await this.#wait(began, took / MOST_SHARE - took);
    }
  }

  /** Waits until the next reading is due, which may be sooner when somebody begins to watch. */
  async #wait(began: number, leastMs: number): Promise<void> {
    const { watchedMs, unwatchedMs, isWatched } = this.#of;
    if (this.#closed.signal.aborted) return;
    this.#pause = new AbortController();
    const { signal } = this.#pause;
    const untilNow = performance.now() - began;
    const pauseMs = Math.max(leastMs, (isWatched() ? watchedMs : unwatchedMs) - untilNow);
    await sleep(Math.max(0, pauseMs), undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** Those who ask while it is being read share the reading. */
  #read(): Promise<void> {
    const { signal } = this.#closed;
    this.#reading ??= unlessAborted(this.#of.read(signal), signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#of.failed(error);
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}

/** Waits for some work, but no longer than until it is aborted: a connection that is away answers nothing at all. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new DOMException('nothing is read any more', 'AbortError'));
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
