import type { PartBuffer, PartBuffers } from './part-buffers.js';

/** A part of a stream of bytes. */
export interface Part {
  readonly bytes: Uint8Array;
  /** True when this is all: the stream has ended well behind it. */
  readonly isWhole: boolean;
  /** Says that nobody reads the bytes any more. */
  readonly sent: () => void;
  /** Says that nobody needs the bytes any more, but that a request which failed may still be reading them. */
  readonly abandoned: () => void;
}

/** Content up to this size is kept as it came: most objects are small, and need no part's memory. Bytes. */
const SMALL_BYTES = 256 * 1024;

/**
 * Gathers a stream into parts of exactly the size of the buffers, the last one of that size or smaller; always at
 * least one. A part is handed on when it is full; the first, when it is known whether there is more, for which no
 * second buffer is needed.
 */
export async function* inParts(
  body: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
  signal: AbortSignal,
): AsyncGenerator<Part, undefined> {
  let part = new GrowingPart(buffers);
  let handedOn = 0;
  const next = (): Part => {
    const full = part;
    part = new GrowingPart(buffers);
    handedOn += 1;
    return full.handOn(false);
  };
  try {
    for await (const chunk of body) {
      let rest = chunk;
      while (rest.byteLength > 0) {
        if (part.isFull) yield next();
        rest = await part.append(rest, signal);
        if (part.isFull && handedOn > 0) yield next();
      }
    }
    if (handedOn === 0 || !part.isEmpty) yield part.handOn(handedOn === 0);
    return undefined;
  } finally {
    part.discard();
  }
}

/** A part that is being gathered. */
class GrowingPart {
  readonly #buffers: PartBuffers;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #buffer: PartBuffer | undefined;

  constructor(buffers: PartBuffers) {
    this.#buffers = buffers;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  get isFull(): boolean {
    return this.#bytes === this.#buffers.bytes;
  }

  /** Adds as much as there is room for, and returns the rest. */
  async append(chunk: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const fitting = chunk.subarray(0, this.#buffers.bytes - this.#bytes);
    if (this.#buffer === undefined && this.#bytes + fitting.byteLength > SMALL_BYTES)
      this.#buffer = this.#moveInto(await this.#buffers.take(signal));
    if (this.#buffer === undefined) this.#pieces.push(fitting);
    else this.#buffer.bytes.set(fitting, this.#bytes);
    this.#bytes += fitting.byteLength;
    return chunk.subarray(fitting.byteLength);
  }

  handOn(isWhole: boolean): Part {
    const buffer = this.#buffer;
    this.#buffer = undefined;
    return {
      bytes: buffer?.bytes.subarray(0, this.#bytes) ?? Buffer.concat(this.#pieces, this.#bytes),
      isWhole,
      sent: () => buffer?.giveBack(),
      abandoned: () => buffer?.abandon(),
    };
  }

  /** Lets go of the memory, unless the part was handed on. */
  discard(): void {
    this.#buffer?.giveBack();
    this.#buffer = undefined;
  }

  #moveInto(buffer: PartBuffer): PartBuffer {
    let at = 0;
    for (const piece of this.#pieces) {
      buffer.bytes.set(piece, at);
      at += piece.byteLength;
    }
    this.#pieces = [];
    return buffer;
  }
}
