import { createHash } from 'node:crypto';
import type { types } from 'avsc';
import { codecOf, type Codec } from './codec.js';
import { BLOCK_START, HEADER, MAGIC, SYNC_BYTES } from './header.js';
import { recordTypeOf, type AvroValue, type RecordSchema, type Row } from './schema.js';

/** What a file is made of. */
export interface AvroFileOptions {
  readonly schema: RecordSchema;
  readonly codec: Codec;
  /**
   * A block ends with the row that makes it as large, before compression; bytes. One row may be larger. Memory is a few
   * times that.
   */
  readonly blockBytes: number;
  /** Rows in batches of any size; the file does not depend on how they are cut. */
  readonly rows: AsyncIterable<readonly Row[]>;
  /** 16 bytes that tell blocks apart; the same for the same content, see {@link syncMarkerOf}. */
  readonly syncMarker: Uint8Array;
}

/** A value does not fit its field. */
export class AvroValueError extends Error {
  override readonly name = 'AvroValueError';

  /**
   * @param field the field's name
   * @param row its number in the file, from 0
   */
  constructor(
    readonly field: string,
    readonly row: number,
    options: ErrorOptions & { readonly type: string },
  ) {
    const { type } = options;
    super(`row ${String(row)} of the Avro file: the value of ${field} is none of type ${type}`, options);
  }
}

/** Blocks of a good size: large enough to be compressed well, small enough to be held several times. Bytes. */
export const BLOCK_BYTES = 256 * 1024;

/** A sync marker that follows from a text, such as an order's id: the same order then makes the same bytes. */
export function syncMarkerOf(text: string): Buffer {
  return createHash('sha256').update(`avro sync marker of ${text}`).digest().subarray(0, SYNC_BYTES);
}

/**
 * Writes rows as an Avro object container file, as a stream of its bytes: the header, and then block by block. The same
 * rows make the same bytes, in whatever batches they come. A file without rows is a header, which readers take as an
 * empty file.
 *
 * @throws {AvroValueError} when a value does not fit its field
 * @throws what the rows throw
 */
export async function* avroFile(options: AvroFileOptions): AsyncGenerator<Buffer, void> {
  const { schema, rows, syncMarker, blockBytes } = options;
  if (syncMarker.byteLength !== SYNC_BYTES)
    throw new RangeError(`a sync marker has ${String(SYNC_BYTES)} bytes`);
  const codec = codecOf(options.codec);
  const sync = Buffer.from(syncMarker);
  const encoder = new RowEncoder(schema);
  yield header(schema, codec.name, sync);

  // A block is compressed by another thread, if the codec has one, while the next is filled.
  let filling = new Block(blockBytes);
  let other = new Block(blockBytes);
  let before: Promise<Buffer> | undefined;
  const next = async (): Promise<Buffer | undefined> => {
    const full = filling;
    const ready = await before;
    before = codec.compress(full.content()).then((data) => framed(full.count, data, sync));
    // Whoever does not come back for it must not be told of an error that nobody listens to.
    before.catch(() => undefined);
    filling = other;
    filling.clear();
    other = full;
    return ready;
  };
  for await (const batch of rows) {
    for (const row of batch) {
      filling.add(encoder, row);
      if (filling.bytes < blockBytes) continue;
      const ready = await next();
      if (ready !== undefined) yield ready;
    }
  }
  if (filling.count > 0) {
    const ready = await next();
    if (ready !== undefined) yield ready;
  }
  if (before !== undefined) yield await before;
}

function header(schema: RecordSchema, codec: string, sync: Buffer): Buffer {
  const meta = { 'avro.schema': Buffer.from(JSON.stringify(schema)), 'avro.codec': Buffer.from(codec) };
  return HEADER.toBuffer({ magic: MAGIC, meta, sync });
}

function framed(count: number, data: Buffer, sync: Buffer): Buffer {
  const start = BLOCK_START.toBuffer({ count, bytes: data.length });
  return Buffer.concat([start, data, sync]);
}

/** Rows that are being gathered. */
class Block {
  readonly #usualBytes: number;
  #buffer: Buffer;
  #count = 0;
  #bytes = 0;

  constructor(blockBytes: number) {
    this.#usualBytes = blockBytes + 16 * 1024;
    this.#buffer = Buffer.allocUnsafeSlow(this.#usualBytes);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(encoder: RowEncoder, row: Row): void {
    let end = encoder.encode(row, this.#buffer, this.#bytes);
    if (end < 0) {
      // The row does not fit: the answer says how much is missing.
      const larger = Buffer.allocUnsafeSlow(this.#buffer.length - end);
      this.#buffer.copy(larger, 0, 0, this.#bytes);
      this.#buffer = larger;
      end = encoder.encode(row, larger, this.#bytes);
    }
    this.#bytes = end;
    this.#count += 1;
  }

  /** Its rows; valid until it is cleared. */
  content(): Buffer {
    return this.#buffer.subarray(0, this.#bytes);
  }

  clear(): void {
    if (this.#buffer.length > 4 * this.#usualBytes) this.#buffer = Buffer.allocUnsafeSlow(this.#usualBytes);
    this.#count = 0;
    this.#bytes = 0;
  }
}

/** Encodes rows one by one. */
class RowEncoder {
  readonly #type: types.RecordType;
  readonly #names: readonly string[];
  /** Reused for all rows: the library takes objects. */
  readonly #record: Record<string, AvroValue> = {};
  #rows = 0;

  constructor(schema: RecordSchema) {
    this.#type = recordTypeOf(schema);
    this.#names = schema.fields.map(({ name }) => name);
    for (const name of this.#names) this.#record[name] = null;
  }

  /** Writes a row at a position; answers where it ends, or below 0, by how many bytes the buffer is too small. */
  encode(row: Row, buffer: Buffer, at: number): number {
    const names = this.#names;
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index];
      if (name !== undefined) this.#record[name] = row[index] ?? null;
    }
    let end: number;
    try {
      end = this.#type.encode(this.#record, buffer, at);
    } catch (cause) {
      throw this.#explained(cause);
    }
    if (end >= 0) this.#rows += 1;
    return end;
  }

  #explained(cause: unknown): unknown {
    const field = this.#type.fields.find(({ name, type }) => !type.isValid(this.#record[name]));
    if (field === undefined) return cause;
    return new AvroValueError(field.name, this.#rows, { cause, type: JSON.stringify(field.type) });
  }
}
