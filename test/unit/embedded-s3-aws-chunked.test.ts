import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buffer } from 'node:stream/consumers';
import { decodeAwsChunked } from '../../src/embedded/s3/http/aws-chunked.js';

interface Decoded {
  readonly content: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
}

/** Decodes what arrives in the given blocks. */
async function decode(blocks: readonly Buffer[]): Promise<Decoded> {
  async function* arriving(): AsyncGenerator<Buffer> {
    for (const block of blocks) yield await Promise.resolve(block);
  }
  const trailers = new Map<string, string>();
  const content = await buffer(decodeAwsChunked(arriving(), trailers));
  return { content, trailers: Object.fromEntries(trailers) };
}

/** Cuts bytes at places that are given as parts of the whole. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('an aws-chunked body', () => {
  const signature = `;chunk-signature=${'a'.repeat(64)}`;

  test.each([
    ['of one chunk', '4\r\ntext\r\n0\r\n\r\n', 'text', {}],
    ['of nothing', '0\r\n\r\n', '', {}],
    [
      'with signatures',
      `4${signature}\r\ntext\r\nA${signature}\r\n\r\n23456\r\n9\r\n0${signature}\r\n\r\n`,
      'text\r\n23456\r\n9',
      {},
    ],
    [
      'with trailers',
      '1\r\nx\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\nX-Amz-Trailer-Signature: abc\r\n\r\n',
      'x',
      { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-trailer-signature': 'abc' },
    ],
    ['without an empty line at its end', '1\r\nx\r\n0\r\na:b\r\n', 'x', { a: 'b' }],
  ])('%s', async (_, body, content, trailers) => {
    const decoded = await decode([Buffer.from(body)]);
    expect(decoded).toEqual({ content: Buffer.from(content), trailers });
  });

  test.each([
    ['that ends within a chunk', '4\r\nte', 'IncompleteBody'],
    ['that ends after a chunk', '4\r\ntext\r\n', 'IncompleteBody'],
    ['that ends within a trailer', '0\r\na:b', 'IncompleteBody'],
    ['of nothing at all', '', 'IncompleteBody'],
    ['with a chunk longer than its size', '4\r\ntexts\r\n0\r\n\r\n', 'InvalidRequest'],
    ['with something that is no size', 'four\r\ntext\r\n', 'InvalidRequest'],
    ['with a size without an end', `4;${'x'.repeat(5000)}`, 'InvalidRequest'],
    ['with a bare line feed', '4\ntext\r\n', 'InvalidRequest'],
    ['with something behind its end', '0\r\n\r\nmore\r\n', 'InvalidRequest'],
  ])('%s is an error', async (_, body, code) => {
    await expect(decode([Buffer.from(body)])).rejects.toMatchObject({ code });
  });

  test('has the same bytes however it is cut into chunks, and into blocks on its way', async () => {
    const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
    const bytes = fc.uint8Array({ maxLength: 2000 }).map((array) => Buffer.from(array));
    await fc.assert(
      fc.asyncProperty(bytes, places, places, fc.boolean(), async (content, chunks, blocks, isSigned) => {
        const head = (size: number): string => `${size.toString(16)}${isSigned ? signature : ''}\r\n`;
        const framed = cut(content, chunks)
          .filter(({ length }) => length > 0)
          .flatMap((chunk) => [Buffer.from(head(chunk.length)), chunk, Buffer.from('\r\n')]);
        const body = Buffer.concat([...framed, Buffer.from(`${head(0)}a:b\r\n\r\n`)]);
        expect(await decode(cut(body, blocks))).toEqual({ content, trailers: { a: 'b' } });
      }),
    );
  });
});
