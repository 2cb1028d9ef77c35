import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PartBuffers } from '../../src/destinations/s3/part-buffers.js';
import { inParts } from '../../src/destinations/s3/parts.js';

const going = new AbortController().signal;

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** Takes all buffers there are, and tells how many these are. */
async function countFree(buffers: PartBuffers): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    const stop = new AbortController();
    const taking = buffers.take(stop.signal).then(() => true);
    const waiting = new Promise<boolean>((resolve) => setImmediate(resolve, false));
    if (await Promise.race([taking, waiting])) continue;
    stop.abort(new Error('none is left'));
    await expect(taking).rejects.toThrow('none is left');
    return taken;
  }
}

describe('a stream that is gathered into parts', () => {
  const KIBIBYTE = 1024;
  const pieces = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 600 }), fc.nat(255))
      .map(([size, fill]) => Buffer.alloc(size * KIBIBYTE, fill)),
    { maxLength: 8 },
  );

  test('keeps its bytes, in parts of one size but for the last, and all memory is given back', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(100, 256, 300, 512), async (given, size) => {
        const buffers = new PartBuffers(size * KIBIBYTE, 2 * size * KIBIBYTE);
        const got: Buffer[] = [];
        for await (const part of inParts(streamOf(given), buffers, going)) {
          got.push(Buffer.from(part.bytes));
          expect(part.isWhole).toBe(Buffer.concat(given).byteLength <= buffers.bytes);
          part.sent();
        }
        expect(Buffer.concat(got).equals(Buffer.concat(given))).toBe(true);
        expect(got.slice(0, -1).every(({ byteLength }) => byteLength === buffers.bytes)).toBe(true);
        expect(got.length === 1 || got.at(-1)?.byteLength !== 0).toBe(true);
        expect(await countFree(buffers)).toBe(2);
      }),
      { numRuns: 30 },
    );
  });

  test.each(['throws', 'is left'])(
    'gives its memory back when it %s in the middle of a part',
    async (how) => {
      const buffers = new PartBuffers(300 * KIBIBYTE, 300 * KIBIBYTE);
      async function* body(): AsyncGenerator<Uint8Array> {
        yield* streamOf([Buffer.alloc(590 * KIBIBYTE)]);
        if (how === 'throws') throw new Error('the source went away');
        yield Buffer.alloc(20 * KIBIBYTE);
      }
      const parts = inParts(body(), buffers, going);
      const { value: first } = await parts.next();
      first?.sent();
      if (how === 'throws') await expect(parts.next()).rejects.toThrow('the source went away');
      else await parts.return(undefined);
      expect(await countFree(buffers)).toBe(1);
    },
  );
});

describe('memory for parts', () => {
  test('is had by whoever asked first, and by nobody who has gone meanwhile', async () => {
    const buffers = new PartBuffers(10, 10);
    const first = await buffers.take(going);
    const gone = new AbortController();
    const order: string[] = [];
    const leaving = buffers.take(gone.signal);
    const second = buffers.take(going).then((buffer) => {
      order.push('second');
      return buffer;
    });
    const third = buffers.take(going).then((buffer) => {
      order.push('third');
      return buffer;
    });
    gone.abort(new Error('told to stop'));
    await expect(leaving).rejects.toThrow('told to stop');
    first.giveBack();
    first.giveBack();
    (await second).abandon();
    (await third).giveBack();
    expect(order).toEqual(['second', 'third']);
    expect(await countFree(buffers)).toBe(1);
  });

  test('is the same again when it was given back, and other memory when it was abandoned', async () => {
    const buffers = new PartBuffers(10, 10);
    const first = await buffers.take(going);
    first.giveBack();
    const again = await buffers.take(going);
    expect(again.bytes).toBe(first.bytes);
    again.abandon();
    expect((await buffers.take(going)).bytes).not.toBe(first.bytes);
  });

  test('has room for one part at least', async () => {
    expect(await countFree(new PartBuffers(10, 1))).toBe(1);
  });
});
