/** Runs tasks one after the other, in the order in which they were given. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as the task does, once those before it have ended, well or not. */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const mine = (async () => {
      await before;
      return task();
    })();
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
