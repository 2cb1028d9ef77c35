/** Keys in the order of their UTF-8 bytes, as S3 lists them. */
export class SortedKeys {
  readonly #keys: string[];

  /** Sorts the keys that are there from the beginning. */
  constructor(keys: Iterable<string> = []) {
    this.#keys = [...keys]
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .sort((one, other) => Buffer.compare(one.bytes, other.bytes))
      .map(({ key }) => key);
  }

  /** How many there are. */
  get length(): number {
    return this.#keys.length;
  }

  /** The key of an index; undefined beyond the last. */
  at(index: number): string | undefined {
    return this.#keys[index];
  }

  /** Adds a key that may be there already. */
  add(key: string): void {
    const index = this.firstIndex((other) => compareKeys(other, key) >= 0);
    if (this.#keys[index] !== key) this.#keys.splice(index, 0, key);
  }

  /** Removes a key that may not be there. */
  delete(key: string): void {
    const index = this.firstIndex((other) => compareKeys(other, key) >= 0);
    if (this.#keys[index] === key) this.#keys.splice(index, 1);
  }

  /**
   * Index of the first key that fits; the number of keys when none does.
   *
   * @param fits true for all keys after one for which it is true
   */
  firstIndex(fits: (key: string) => boolean): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (fits(this.#keys[middle] ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Compares by UTF-8 bytes; JavaScript's own order, of UTF-16 units, differs for characters beyond U+FFFF. */
export function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
