import type { Job } from 'bullmq';
import type { Log } from '../observability/log.js';

/** How long a step may wait for others before the board is told of it, in ms. */
const TOGETHER_MS = 1000;

/**
 * Notes the steps of a delivery where the board shows them. Most deliveries take less than a second, and Redis more
 * time to be told of each step than of all of them together.
 */
export class Steps {
  readonly #job: Pick<Job, 'id' | 'log' | 'updateProgress'>;
  readonly #log: Log;
  #lines: string[] = [];
  #progress: { readonly percent: number; readonly step: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The board shows how far it is; what ends at once is never seen under way. */
  #isUnderWay = false;

  constructor(job: Pick<Job, 'id' | 'log' | 'updateProgress'>, log: Log) {
    this.#job = job;
    this.#log = log;
  }

  /**
   * Notes one step in words.
   *
   * @param percent how far the order is, 0 to 100; as before when left out
   */
  tell(step: string, percent?: number): void {
    this.#lines.push(`${new Date().toISOString()} ${step}`);
    if (percent !== undefined) this.#progress = { percent: Math.round(percent), step };
    this.#timer ??= setTimeout(() => {
      this.#isUnderWay = true;
      this.end();
    }, TOGETHER_MS);
  }

  /** Tells what has not been told yet. The board is a comfort: that it cannot be told stops no delivery. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    const told: Promise<unknown>[] = [this.#job.log(this.#lines.join('\n'))];
    if (this.#isUnderWay && this.#progress !== undefined)
      told.push(this.#job.updateProgress({ ...this.#progress }));
    this.#lines = [];
    this.#progress = undefined;
    Promise.all(told).catch((err: unknown) => {
      this.#log.debug({ err, job: this.#job.id }, 'a step could not be noted on the board');
    });
  }
}
