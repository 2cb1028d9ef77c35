/** Bytes of a stream that have come and are not read yet. */
export class BytesQueue {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#chunks = content[Symbol.asyncIterator]();
  }

  /** What is there now. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Waits until so many bytes are there; false when the stream ends before. */
  async has(count: number): Promise<boolean> {
    if (this.#bytes.length >= count) return true;
    const pieces = [this.#bytes];
    let length = this.#bytes.length;
    while (length < count && !this.#ended) {
      const next: IteratorResult<Uint8Array, unknown> = await this.#chunks.next();
      if (next.done === true) {
        this.#ended = true;
        break;
      }
      const { buffer, byteOffset, byteLength } = next.value;
      pieces.push(Buffer.from(buffer, byteOffset, byteLength));
      length += byteLength;
    }
    this.#bytes = Buffer.concat(pieces, length);
    return length >= count;
  }

  /** Takes so many bytes, which are there. */
  take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#chunks.return?.();
  }
}
