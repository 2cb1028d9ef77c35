/** A piece of memory that belongs to one part of an object. */
export interface PartBuffer {
  readonly bytes: Buffer;
  /** Lets others have it; nobody may read it any more. */
  readonly giveBack: () => void;
  /** Lets go of it without others getting it: a request that failed may still be reading it. */
  readonly abandon: () => void;
}

/**
 * Memory for the parts of all objects that a process sends at the same time. Its size bounds what deliveries hold,
 * whatever their number and the size of the objects, and the same memory is used again and again: fresh memory costs
 * more than the copy into it, and keeps the garbage collector busy.
 *
 * Whoever needs one when all are in use waits, first come first served. Nobody may wait for a second one while holding
 * one that is not being sent: then nobody waits for ever.
 */
export class PartBuffers {
  /** Size of each, which is the size of a part; bytes. */
  readonly bytes: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  /** How many more may be in use. */
  #left: number;

  /**
   * @param partBytes size of a part
   * @param totalBytes memory for all; there is room for one part at least
   */
  constructor(partBytes: number, totalBytes: number) {
    this.bytes = partBytes;
    this.#left = Math.max(1, Math.floor(totalBytes / partBytes));
  }

  /**
   * Takes one, when there is one.
   *
   * @throws the signal's reason
   */
  async take(signal: AbortSignal): Promise<PartBuffer> {
    signal.throwIfAborted();
    if (this.#left > 0) this.#left -= 1;
    else await this.#turn(signal);
    const bytes = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
    let isTaken = true;
    const end = (keep: boolean): void => {
      if (!isTaken) return;
      isTaken = false;
      if (keep) this.#free.push(bytes);
      const next = this.#waiting.shift();
      if (next === undefined) this.#left += 1;
      else next();
    };
    return {
      bytes,
      giveBack: () => {
        end(true);
      },
      abandon: () => {
        end(false);
      },
    };
  }

  /** Resolves when somebody else has handed theirs on. */
  async #turn(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
