import { createHash } from 'node:crypto';
import type { PutReceipt } from './file-store.js';

/** A stream that counts and digests what passes through it. */
export class Counted implements AsyncIterable<Uint8Array> {
  readonly #content: AsyncIterable<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param signal when it is aborted, the stream throws its reason at the next chunk */
  constructor(content: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#content = content;
    this.#signal = signal;
  }

  /** Its chunks, but for empty ones. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    this.#signal.throwIfAborted();
    for await (const chunk of this.#watched()) {
      this.#signal.throwIfAborted();
      if (chunk.byteLength === 0) continue;
      this.#hash.update(chunk);
      this.#bytes += chunk.byteLength;
      yield chunk;
    }
    // What ended because it was stopped is not whole, whatever it looks like.
    this.#signal.throwIfAborted();
  }

  /** What has passed; once, when the stream has ended. */
  receipt(): PutReceipt {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest('hex') };
  }

  /** Tells whether an error came out of the content: then the store has nothing to do with it. */
  threw(error: unknown): boolean {
    return this.#failure !== undefined && this.#failure.error === error;
  }

  /** Throws what the content threw, if it did: all that a store says after that comes of it. */
  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async *#watched(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* this.#content;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}
