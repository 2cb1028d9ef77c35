import { describe, expect, test } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { codecOf, type Codec } from '../../src/formats/avro/codec.js';
import { AVRO_LONG } from '../../src/formats/avro/long.js';
import { DamagedAvroError, readAvro } from '../../src/formats/avro/reader.js';
import type { AvroValue, Field, FieldType, RecordSchema, Row } from '../../src/formats/avro/schema.js';
import { avroFile, AvroValueError, syncMarkerOf } from '../../src/formats/avro/writer.js';
import { inBatches, LOGSCORE, logscores } from '../support/avro-rows.js';

const signal = new AbortController().signal;
const syncMarker = syncMarkerOf('an order');
const CODECS: readonly Codec[] = ['null', 'deflate', 'zstd'];

interface Given {
  readonly schema: RecordSchema;
  readonly codec?: Codec;
  readonly blockBytes?: number;
  readonly batch?: number;
}

function write(rows: readonly Row[], given: Given): Promise<Buffer> {
  const { schema, codec = 'null', blockBytes = 1000, batch = 7 } = given;
  return buffer(avroFile({ schema, codec, blockBytes, rows: inBatches(rows, batch), syncMarker }));
}

/** In pieces of some size, as a network would hand them on. */
async function* pieces(file: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield await Promise.resolve(file.subarray(at, at + size));
}

async function read(file: Buffer, size = 4096): Promise<(readonly AvroValue[])[]> {
  const rows: (readonly AvroValue[])[] = [];
  for await (const block of readAvro(pieces(file, size), signal)) rows.push(...block.rows);
  return rows;
}

async function blocksOf(file: Buffer): Promise<number[]> {
  const counts: number[] = [];
  for await (const block of readAvro(pieces(file, 4096), signal)) counts.push(block.rows.length);
  return counts;
}

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const bytes = fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value));
const text = fc.string({ unit: 'binary', maxLength: 60 });

/** Types that a column can have, and their values. */
const TYPES: readonly (readonly [FieldType, fc.Arbitrary<AvroValue>])[] = [
  ['boolean', fc.boolean()],
  ['int', int],
  ['long', long],
  ['float', fc.float()],
  ['double', fc.double()],
  ['bytes', bytes],
  ['string', text],
  [{ type: 'long', logicalType: 'timestamp-micros' }, long],
  [{ type: 'bytes', logicalType: 'decimal', precision: 38, scale: 4 }, bytes],
  [
    { type: 'fixed', name: 'uuid', size: 16 },
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => Buffer.from(value)),
  ],
  [{ type: 'enum', name: 'colour', symbols: ['red', 'green'] }, fc.constantFrom('red', 'green')],
  [['null', 'boolean'], fc.option(fc.boolean())],
  [['null', 'long'], fc.option(long)],
  [['null', 'double'], fc.option(fc.double())],
  [['null', 'string'], fc.option(text)],
  [['null', 'bytes'], fc.option(bytes)],
  [['null', { type: 'long', logicalType: 'timestamp-micros' }], fc.option(long)],
  [['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }], fc.option(bytes)],
];

/** A table of any columns, and rows of it. */
const tables = fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 8 }).chain((columns) => {
  // A name can be given to one type only.
  const fields = columns.map(([type], index): Field => ({
    name: `column_${String(index)}`,
    type: named(type, index),
  }));
  const schema: RecordSchema = { type: 'record', name: 'row', fields };
  return fc.record({
    schema: fc.constant(schema),
    rows: fc.array(fc.tuple(...columns.map(([, values]) => values)), { maxLength: 40 }),
  });
});

function named(type: FieldType, index: number): FieldType {
  return typeof type === 'object' && 'name' in type
    ? { ...type, name: `${type.name}_${String(index)}` }
    : type;
}

describe('an Avro file', () => {
  test.each(CODECS)('gives back what was written, of any types, with codec %s', async (codec) => {
    const cases = fc.record({
      table: tables,
      blockBytes: fc.integer({ min: 1, max: 300 }),
      batch: fc.integer({ min: 1, max: 50 }),
      size: fc.integer({ min: 1, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ table: { schema, rows }, blockBytes, batch, size }) => {
        const file = await write(rows, { schema, codec, blockBytes, batch });
        expect(await read(file, size)).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  test('has all 64 bits of a long, and takes a number where it is exact', async () => {
    const schema: RecordSchema = { type: 'record', name: 'row', fields: [{ name: 'id', type: 'long' }] };
    const rows: Row[] = [
      [2n ** 63n - 1n],
      [-(2n ** 63n)],
      [0],
      [-1],
      [2 ** 53 - 1],
      [-(2 ** 53) + 1],
      [4_294_967_296],
    ];
    expect(await read(await write(rows, { schema }))).toEqual(
      rows.map(([value]) => [BigInt(Number(value) === value ? value : String(value))]),
    );
    expect(AVRO_LONG.isValid(2 ** 53)).toBe(false);
    expect(AVRO_LONG.isValid(2n ** 63n)).toBe(false);
  });

  test.each(CODECS)('is the same bytes for the same rows, however they come: %s', async (codec) => {
    const rows = logscores(500);
    const file = await write(rows, { schema: LOGSCORE, codec, batch: 500 });
    expect(await write(rows, { schema: LOGSCORE, codec, batch: 1 })).toEqual(file);
    expect(await write(rows, { schema: LOGSCORE, codec, batch: 33 })).toEqual(file);
  });

  test('has blocks that end with the row that fills them', async () => {
    const rows = logscores(200);
    const counts = await blocksOf(await write(rows, { schema: LOGSCORE, blockBytes: 500 }));
    expect(counts.length).toBeGreaterThan(10);
    expect(Math.max(...counts)).toBeLessThan(30);
    expect(counts.reduce((sum, count) => sum + count)).toBe(200);
  });

  test('takes a row that is larger than a block', async () => {
    const schema: RecordSchema = { type: 'record', name: 'row', fields: [{ name: 'text', type: 'string' }] };
    const rows: Row[] = [['a'], ['ö'.repeat(300_000)], ['b'], ['x'.repeat(40_000)]];
    for (const codec of CODECS) expect(await read(await write(rows, { schema, codec }))).toEqual(rows);
  });

  test('without rows is a header', async () => {
    const file = await write([], { schema: LOGSCORE });
    expect(file.subarray(0, 4).toString('latin1')).toBe('Obj\u0001');
    expect(await read(file)).toEqual([]);
  });

  test('names the column and the row of a value that does not fit', async () => {
    const rows = [
      ...logscores(3),
      logscores(1)[0]?.map((value, index) => (index === 1 ? 'many' : value)) ?? [],
    ];
    const written = write(rows, { schema: LOGSCORE });
    await expect(written).rejects.toThrow(AvroValueError);
    await expect(written).rejects.toMatchObject({ field: 'server_id', row: 3 });
    await expect(written).rejects.toThrow(
      'row 3 of the Avro file: the value of server_id is none of type "int"',
    );
  });

  test('has a marker that follows from a text alone', () => {
    expect(syncMarkerOf('a')).toEqual(syncMarkerOf('a'));
    expect(syncMarkerOf('a')).not.toEqual(syncMarkerOf('b'));
    expect(syncMarkerOf('a')).toHaveLength(16);
  });

  test('is not begun with a marker of another length', async () => {
    const options = { schema: LOGSCORE, codec: 'null', blockBytes: 10, rows: inBatches([], 1) } as const;
    await expect(buffer(avroFile({ ...options, syncMarker: Buffer.alloc(15) }))).rejects.toThrow('16 bytes');
  });

  test('passes on what the rows throw, and lets go of them when nobody reads on', async () => {
    let isOver = false;
    async function* endless(): AsyncGenerator<readonly Row[]> {
      try {
        for (;;) yield await Promise.resolve(logscores(50));
      } finally {
        isOver = true;
      }
    }
    const options = { schema: LOGSCORE, codec: 'deflate', blockBytes: 100, syncMarker } as const;
    for await (const chunk of avroFile({ ...options, rows: endless() })) {
      if (chunk.toString('latin1').startsWith('Obj')) continue;
      break;
    }
    expect(isOver).toBe(true);
    async function* failing(): AsyncGenerator<readonly Row[]> {
      yield await Promise.resolve(logscores(50));
      throw new Error('the table is gone');
    }
    await expect(buffer(avroFile({ ...options, rows: failing() }))).rejects.toThrow('the table is gone');
  });
});

describe('a damaged Avro file', () => {
  test.each(CODECS)('is never read as if it were whole when it breaks off: %s', async (codec) => {
    const rows = logscores(60);
    const file = await write(rows, { schema: LOGSCORE, codec, blockBytes: 300 });
    const whole = new Set<number>();
    for (let length = 0; length < file.length; length += 1) {
      const found = await read(file.subarray(0, length)).catch((error: unknown) => error);
      // Where a block ends a file can end; that it is all of it, the number of rows says.
      if (Array.isArray(found)) whole.add(found.length);
      else expect(found).toBeInstanceOf(DamagedAvroError);
    }
    expect(whole.has(60)).toBe(false);
    expect(whole.size).toBe((await blocksOf(file)).length);
  });

  test.each(CODECS)(
    'is refused, or has the same number of rows, whatever byte is another: %s',
    async (codec) => {
      const file = await write(logscores(60), { schema: LOGSCORE, codec, blockBytes: 300 });
      const headerBytes = (await write([], { schema: LOGSCORE, codec })).length;
      for (let at = headerBytes; at < file.length; at += 1) {
        const damaged = Buffer.from(file);
        damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
        const found = await read(damaged).catch((error: unknown) => error);
        if (Array.isArray(found)) expect(found).toHaveLength(60);
        else expect(found).toBeInstanceOf(DamagedAvroError);
      }
    },
  );

  test.each([
    ['no file of that kind', Buffer.from('{"a":1}\n'), 'does not begin as one'],
    ['nothing', Buffer.alloc(0), 'does not begin as one'],
  ])('%s is refused', async (_, file, message) => {
    await expect(read(file)).rejects.toThrow(message);
  });

  test.each(['deflate', 'zstd'] as const)('that grows beyond all measure is stopped: %s', async (codec) => {
    const packed = await codecOf(codec).compress(Buffer.alloc(10_000_000));
    expect(packed.length).toBeLessThan(100_000);
    await expect(codecOf(codec).decompress(packed, 1_000_000)).rejects.toThrow();
    expect(await codecOf(codec).decompress(packed, 10_000_000)).toHaveLength(10_000_000);
  });
});
