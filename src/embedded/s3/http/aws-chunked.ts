import { S3Error } from './errors.js';

/** Longest line of the framing: a chunk's size with its signature, or a trailer. */
const LINE_BYTES = 4096;
const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * Takes the framing off a body in `aws-chunked` encoding, signed or not: `size[;chunk-signature=…]\r\n`, the bytes,
 * `\r\n`, and so on until a chunk of size 0, which trailers may follow (Amazon S3 API Reference, "Signature
 * calculations for chunked uploads"). The signatures of chunks are not checked.
 *
 * @param trailers gets the trailers, by name in lower case
 * @throws S3Error IncompleteBody when the body ends early, InvalidRequest when its framing is broken
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const decoder = new Decoder(trailers);
  for await (const bytes of source) yield* decoder.decode(bytes);
  decoder.end();
}

class Decoder {
  readonly #trailers: Map<string, string>;
  #state: 'size' | 'data' | 'end of data' | 'trailers' | 'done' = 'size';
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  /** The beginning of a line whose end is still to come. */
  #line = NOTHING;

  constructor(trailers: Map<string, string>) {
    this.#trailers = trailers;
  }

  *decode(bytes: Buffer): Generator<Buffer> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#state === 'data') {
        const data = rest.subarray(0, this.#left);
        this.#left -= data.length;
        if (this.#left === 0) this.#state = 'end of data';
        rest = rest.subarray(data.length);
        yield data;
        continue;
      }
      const end = rest.indexOf(LINE_FEED) + 1;
      this.#line = Buffer.concat([this.#line, end === 0 ? rest : rest.subarray(0, end)]);
      if (this.#line.length > LINE_BYTES) throw broken('a line has no end');
      rest = end === 0 ? NOTHING : rest.subarray(end);
      if (end > 0) this.#takeLine();
    }
  }

  end(): void {
    // Some clients leave out the empty line after the trailers.
    const isWhole = this.#state === 'done' || (this.#state === 'trailers' && this.#line.length === 0);
    if (!isWhole) throw new S3Error('IncompleteBody', 'The aws-chunked body has no last chunk.');
  }

  #takeLine(): void {
    const text = this.#line.toString('latin1');
    this.#line = NOTHING;
    if (!text.endsWith('\r\n')) throw broken('a line does not end in CR LF');
    const line = text.slice(0, -2);
    if (this.#state === 'size') this.#takeSize(line);
    else if (this.#state === 'end of data') this.#takeEndOfData(line);
    else if (this.#state === 'trailers') this.#takeTrailer(line);
    else throw broken('something follows its end');
  }

  #takeSize(line: string): void {
    const [, size] = /^([0-9a-f]{1,12})(?:;.*)?$/i.exec(line) ?? [];
    if (size === undefined) throw broken(`${JSON.stringify(line)} is no size`);
    this.#left = parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
  }

  #takeEndOfData(line: string): void {
    if (line !== '') throw broken('a chunk is longer than its size');
    this.#state = 'size';
  }

  #takeTrailer(line: string): void {
    const colon = line.indexOf(':');
    if (line === '') this.#state = 'done';
    else if (colon < 1) throw broken(`${JSON.stringify(line)} is no trailer`);
    else this.#trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
}

function broken(why: string): S3Error {
  return new S3Error('InvalidRequest', `The aws-chunked body is broken: ${why}.`);
}
