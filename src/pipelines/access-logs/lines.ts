/** One line of a file, without its line feed. */
export interface FileLine {
  /** Counted from 1. */
  readonly number: number;
  /** Empty when the line is too long: no more of it than the limit is ever kept. */
  readonly text: string;
  readonly isTooLong: boolean;
}

const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes into lines of UTF-8 text. The last line may lack its line feed.
 *
 * @param chunks the bytes, cut anywhere
 * @param maxBytes lines that are longer are passed over, in memory of this size
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<FileLine> {
  const line = new LineBuffer(maxBytes);
  let number = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      line.append(chunk.subarray(start, end));
      number += 1;
      yield { number, ...line.take() };
      start = end + 1;
    }
    line.append(chunk.subarray(start));
  }
  if (!line.isEmpty) yield { number: number + 1, ...line.take() };
}

/** The pieces of the line that is being read, up to a limit. */
class LineBuffer {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  append(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  take(): Pick<FileLine, 'text' | 'isTooLong'> {
    const isTooLong = this.#bytes > this.#maxBytes;
    const text = Buffer.concat(this.#pieces).toString('utf8');
    this.#pieces = [];
    this.#bytes = 0;
    return { text, isTooLong };
  }
}
