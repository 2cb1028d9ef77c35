import { createHash } from 'node:crypto';

/** What an object is to hold: bytes that are read once, and what is known of them then. */
export interface ObjectContent extends AsyncIterable<Uint8Array> {
  /** Bytes handed on so far. */
  readonly bytes: number;
  /** True when all bytes have been read, and are as many lines as ClickHouse counts records. */
  readonly isWhole: boolean;
  /**
   * SHA-256 of all bytes, hex.
   *
   * @throws {TypeError} before the content is whole
   */
  readonly sha256: string;
}

/** Content that is in memory as a whole, and has been found to be so. */
export class WholeContent implements ObjectContent {
  readonly isWhole = true;
  readonly sha256: string;
  readonly #content: Uint8Array;

  constructor(content: Uint8Array) {
    this.#content = content;
    this.sha256 = createHash('sha256').update(content).digest('hex');
  }

  /** Bytes of all of it. */
  get bytes(): number {
    return this.#content.byteLength;
  }

  /** All bytes at once, as often as they are asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(this.#content);
  }
}
