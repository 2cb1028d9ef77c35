/** Counts work that is under way, so that somebody can wait until none is. */
export class InFlight {
  readonly #waiting = new Set<() => void>();
  #count = 0;

  /** How much is under way. */
  get count(): number {
    return this.#count;
  }

  /** Counts a piece of work until it has ended, well or not. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) this.#tell();
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #tell(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
