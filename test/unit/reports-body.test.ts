import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compress } from 'zstd-napi';
import { decompressed } from '../../src/pipelines/reports/collector/decompress.js';
import { postedReport, postedReports } from '../../src/pipelines/reports/collector/json-text.js';
import { Refusal } from '../../src/pipelines/reports/collector/problem.js';

const ENCODINGS = [
  { encoding: 'gzip' as const, pack: (bytes: Uint8Array) => gzipSync(bytes) },
  { encoding: 'zstd' as const, pack: (bytes: Uint8Array) => compress(Buffer.from(bytes)) },
];

const TOO_MUCH = new Refusal('too-large', 'too much');

/** Allows so many bytes, and remembers how many were made. */
function allowance(most: number): { take: (bytes: number) => void; made: () => number } {
  let made = 0;
  return {
    take: (bytes) => {
      made += bytes;
      if (made > most) throw TOO_MUCH;
    },
    made: () => made,
  };
}

/** What a promise was rejected with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(ENCODINGS)('$encoding', ({ encoding, pack }) => {
  test('a body is what was compressed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200_000 }), async (bytes) => {
        const body = await decompressed(pack(bytes), encoding, allowance(200_000).take);
        expect(body.equals(bytes)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('parts that were compressed one by one are one body', async () => {
    const raw = Buffer.concat(['[1,', '2,', '3]'].map((part) => pack(Buffer.from(part))));
    expect((await decompressed(raw, encoding, allowance(100).take)).toString()).toBe('[1,2,3]');
  });

  test('a bomb is given up at the first piece too much', async () => {
    const bomb = pack(Buffer.alloc(100_000_000));
    const { take, made } = allowance(1_000_000);
    expect(await failureOf(decompressed(bomb, encoding, take))).toBe(TOO_MUCH);
    expect(made()).toBeLessThan(1_300_000);
  });

  test('what breaks off, or is something else, is refused', async () => {
    const whole = pack(Buffer.from(JSON.stringify(Array.from({ length: 1000 }, (_, n) => n))));
    for (const raw of [whole.subarray(0, -1), whole.subarray(0, 5), Buffer.from('{"a":1}')])
      expect(await failureOf(decompressed(raw, encoding, allowance(1e6).take))).toMatchObject({
        code: 'bad-encoding',
        status: 400,
      });
  });
});

test('a line break within a text is refused, one between parts becomes a blank', () => {
  for (const text of ['{"a":"x\ny"}', '{"a":"x\ry"}', '"\n"'])
    expect(() => postedReport(Buffer.from(text), 8)).toThrow(Refusal);
  expect(() =>
    postedReports(Buffer.from('{"a":"x\ry"}\n'), 'lines', {
      ...{ maxDepth: 8, maxReports: 8, maxReportBytes: 100 },
    }),
  ).toThrow(Refusal);
  expect(postedReport(Buffer.from('{"a":\r\n\t1}\n'), 8).line.toString()).toBe('{"a":  \t1}');
});
