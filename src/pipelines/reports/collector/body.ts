import type { IncomingMessage } from 'node:http';
import { decompressed } from './decompress.js';
import { Refusal } from './problem.js';

/** Counts the bytes of bodies that are in memory, of all requests together. */
export class BodyBudget {
  #used = 0;

  /** @param most bytes */
  constructor(private readonly most: number) {}

  /** Bytes that are in memory now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes some more.
   *
   * @throws {Refusal} when there would be too many
   */
  take(bytes: number): void {
    if (this.#used + bytes > this.most)
      throw new Refusal('busy', 'too many reports are on their way at once; try again', 1);
    this.#used += bytes;
  }

  /** Gives some back. */
  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** What a body may be. */
export interface BodyLimits {
  /** Bytes it has at most, compressed or not. */
  readonly maxBytes: number;
  readonly budget: BodyBudget;
  /** Called when the headers are well, and the body is wanted. */
  readonly onWanted: () => void;
}

/**
 * Reads a request's body, and decompresses it. What it takes of the budget is given back by `done`.
 *
 * @throws {Refusal} when it is too large, or not what Content-Encoding says
 */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, budget, onWanted }: BodyLimits,
): Promise<{ readonly body: Buffer; readonly done: () => void }> {
  let taken = 0;
  const take = (bytes: number): void => {
    budget.take(bytes);
    taken += bytes;
  };
  const done = (): void => {
    budget.give(taken);
    taken = 0;
  };
  try {
    const encoding = encodingOf(request);
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    onWanted();
    const raw = await collect(request, maxBytes, take);
    if (encoding === 'identity') return { body: raw, done };
    let bytes = 0;
    const body = await decompressed(raw, encoding, (more) => {
      bytes += more;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      take(more);
    });
    return { body, done };
  } catch (error) {
    done();
    throw error;
  }
}

function encodingOf({ headers }: IncomingMessage): 'identity' | 'gzip' | 'zstd' {
  const given = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (given === 'identity' || given === 'gzip' || given === 'zstd') return given;
  if (given === '') return 'identity';
  if (given === 'x-gzip') return 'gzip';
  throw new Refusal('unsupported-encoding', 'Content-Encoding may be gzip or zstd');
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('too-large', `a body may have ${String(maxBytes)} bytes, decompressed too`);
}

async function collect(
  request: IncomingMessage,
  maxBytes: number,
  take: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      try {
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        request.off('data', onData).pause();
        reject(error instanceof Refusal ? error : tooLarge(maxBytes));
      }
    };
    const onBreak = (cause?: Error): void => {
      if (!request.complete) reject(new Refusal('bad-request', 'the body broke off', undefined, { cause }));
    };
    request.on('data', onData).once('end', resolve).once('error', onBreak).once('close', onBreak);
  });
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
}
