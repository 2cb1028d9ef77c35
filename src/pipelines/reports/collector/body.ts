import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DecompressStream } from 'zstd-napi';
import { isError } from '../../../observability/is-error.js';
import { Refusal } from './problem.js';

const gunzipped = promisify(gunzip);

/** The largest window of zstd that is accepted, 8 MiB: the least that every decoder must take (RFC 8878). */
const WINDOW_LOG = 23;

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
    const body = encoding === 'gzip' ? await ungzip(raw, maxBytes) : await unzstd(raw, maxBytes);
    take(body.length);
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

async function ungzip(raw: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await gunzipped(raw, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (isError(cause) && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new Refusal('bad-encoding', 'the body is no gzip', undefined, { cause });
  }
}

async function unzstd(raw: Buffer, maxBytes: number): Promise<Buffer> {
  const stream = new DecompressStream({ windowLogMax: WINDOW_LOG });
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.end(raw);
  try {
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('bad-encoding', 'the body is no zstd, or has a window of over 8 MiB', undefined, {
      cause,
    });
  }
  return Buffer.concat(chunks);
}
