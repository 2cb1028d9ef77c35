import type { Type, types } from 'avsc';
import { z } from 'zod';
import { BytesQueue } from './bytes-queue.js';
import { codecNamed } from './codec.js';
import { BLOCK_START, HEADER, MAGIC, SYNC_BYTES } from './header.js';
import { recordTypeOf, type AvroValue } from './schema.js';

/** A block of rows, as it was written. */
export interface AvroBlock {
  /** Names of the fields, in the order of the values. */
  readonly fields: readonly string[];
  /** Values in the order of the fields; longs are bigints. */
  readonly rows: readonly (readonly AvroValue[])[];
}

/** What is read is no whole Avro object container file. */
export class DamagedAvroError extends Error {
  override readonly name = 'DamagedAvroError';

  /**
   * @param what is wrong
   * @param block number of the block, from 0; left out for the header
   */
  constructor(
    readonly what: string,
    readonly block?: number,
    options?: ErrorOptions,
  ) {
    super(`the Avro file is damaged ${where(block)}: ${what}`, options);
  }
}

function where(block: number | undefined): string {
  return block === undefined ? 'in its header' : `in block ${String(block)}`;
}

/** More than any block of ours: a row of MySQL has at most 1 GiB, and no file of ours such a row. Bytes. */
const MOST_BLOCK_BYTES = 512 * 1024 * 1024;
/** Far more than a header of a thousand columns; bytes. */
const MOST_HEADER_BYTES = 16 * 1024 * 1024;
/** Two longs. */
const MOST_START_BYTES = 20;

/**
 * Reads an object container file block by block, so that one block is in memory. Only records whose fields are of the
 * types of {@link AvroValue} are read.
 *
 * @throws {DamagedAvroError} also when the file breaks off
 * @throws what the content throws, and the signal's reason
 */
export async function* readAvro(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<AvroBlock, void> {
  const queue = new BytesQueue(content);
  try {
    const { type, sync, codec } = await readHeader(queue);
    const fields = type.fields.map(({ name }) => name);
    for (let block = 0; await queue.has(1); block += 1) {
      signal.throwIfAborted();
      const { count, bytes } = await readStart(queue, block);
      if (bytes > MOST_BLOCK_BYTES) throw new DamagedAvroError(`it has ${String(bytes)} bytes`, block);
      if (!(await queue.has(bytes + SYNC_BYTES))) throw new DamagedAvroError('the file breaks off', block);
      const packed = queue.take(bytes);
      if (!queue.take(SYNC_BYTES).equals(sync))
        throw new DamagedAvroError('the marker behind it is another', block);
      const data = await unpacked(codec.decompress, packed, block);
      yield { fields, rows: decodeRows(type, data, count, block) };
    }
    signal.throwIfAborted();
  } finally {
    await queue.close();
  }
}

interface FileHeader {
  readonly type: types.RecordType;
  readonly sync: Buffer;
  readonly codec: NonNullable<ReturnType<typeof codecNamed>>;
}

const headerShape = z.object({
  magic: z.instanceof(Uint8Array),
  meta: z.record(z.string(), z.instanceof(Uint8Array)),
  sync: z.instanceof(Uint8Array),
});

async function readHeader(queue: BytesQueue): Promise<FileHeader> {
  if (!(await queue.has(MAGIC.length)) || !queue.bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new DamagedAvroError('it does not begin as one');
  const { meta, sync } = headerShape.parse(await decodeNext(queue, HEADER, MOST_HEADER_BYTES));
  const schema = textOf(meta['avro.schema']);
  const name = textOf(meta['avro.codec']) ?? 'null';
  const codec = codecNamed(name);
  if (schema === undefined) throw new DamagedAvroError('it has no schema');
  if (codec === undefined) throw new DamagedAvroError(`its codec ${JSON.stringify(name)} is not known`);
  return { type: typeOf(schema), sync: Buffer.from(sync), codec };
}

function typeOf(schema: string): types.RecordType {
  try {
    return recordTypeOf(JSON.parse(schema));
  } catch (cause) {
    throw new DamagedAvroError('its schema cannot be used', undefined, { cause });
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

const startShape = z.object({ count: z.int().min(0), bytes: z.int().min(0) });

async function readStart(queue: BytesQueue, block: number): Promise<z.infer<typeof startShape>> {
  await queue.has(MOST_START_BYTES);
  const start = startShape.safeParse(await decodeNext(queue, BLOCK_START, MOST_START_BYTES, block));
  if (!start.success) throw new DamagedAvroError('its size is none', block);
  return start.data;
}

/** Decodes what the queue begins with, and takes it; reads on as long as it is not whole. */
async function decodeNext(
  queue: BytesQueue,
  type: Type,
  mostBytes: number,
  block?: number,
): Promise<unknown> {
  for (;;) {
    const decoded = decode(type, queue.bytes, block);
    if (decoded !== undefined) {
      queue.take(decoded.offset);
      return decoded.value;
    }
    const wanted = queue.bytes.length + 1;
    if (wanted > mostBytes) throw new DamagedAvroError('it is too long', block);
    if (!(await queue.has(wanted))) throw new DamagedAvroError('the file breaks off', block);
  }
}

/** Undefined when the bytes are not enough. */
function decode(
  type: Type,
  bytes: Buffer,
  block: number | undefined,
): { readonly value: unknown; readonly offset: number } | undefined {
  try {
    const decoded: { value: unknown; offset: number } = type.decode(bytes);
    return decoded.offset < 0 ? undefined : decoded;
  } catch (cause) {
    throw new DamagedAvroError('it cannot be decoded', block, { cause });
  }
}

async function unpacked(
  decompress: FileHeader['codec']['decompress'],
  packed: Buffer,
  block: number,
): Promise<Buffer> {
  try {
    return await decompress(packed, MOST_BLOCK_BYTES);
  } catch (cause) {
    throw new DamagedAvroError('it cannot be decompressed', block, { cause });
  }
}

function decodeRows(
  type: types.RecordType,
  data: Buffer,
  count: number,
  block: number,
): (readonly AvroValue[])[] {
  const names = type.fields.map(({ name }) => name);
  const rows: (readonly AvroValue[])[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    let decoded: { value: Readonly<Record<string, unknown>>; offset: number };
    try {
      decoded = type.decode(data, at);
    } catch (cause) {
      throw new DamagedAvroError(`row ${String(index)} cannot be decoded`, block, { cause });
    }
    if (decoded.offset < 0) throw new DamagedAvroError('it has fewer rows than it says', block);
    at = decoded.offset;
    rows.push(names.map((name) => valueOf(decoded.value[name])));
  }
  if (at !== data.length) throw new DamagedAvroError('it has more in it than its rows', block);
  return rows;
}

function valueOf(value: unknown): AvroValue {
  if (value === null || Buffer.isBuffer(value) || isScalar(value)) return value;
  throw new TypeError('arrays, maps and records in records are not read');
}

function isScalar(value: unknown): value is boolean | number | bigint | string {
  return ['boolean', 'number', 'bigint', 'string'].includes(typeof value);
}
