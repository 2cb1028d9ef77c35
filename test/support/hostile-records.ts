import fc from 'fast-check';
import type { ReferenceRecord } from './log-line-reference.js';

/** What breaks lines, fields, quotes, encodings and parsers. */
const HOSTILE_TEXT = [
  ...[
    '"',
    "'",
    ' ',
    '  ',
    '%',
    '%22',
    '%0A',
    '%2F',
    '\\',
    '\\"',
    '\\\\',
    '[',
    ']',
    '] ',
    ' [',
    '-',
    '/',
    '+',
  ],
  ...['\n', '\r', '\r\n', '\t', '\v', '\f', '\0', '\x1b', '\x1f', '\x7f', '{}', '$1', '\\0', '?', '#', '&'],
  ...['\u0080', '\u0085', '\u009f', '\u00a0', '\u2027', '\u2028', '\u2029', '\u202a', '\u202e', '\u3000'],
  ...['\ufeff', '\ufffd', '\uffff', 'é', 'ß', '日本', '😀', '\u{10ffff}', '\ud7ff', '\ue000', 'e\u0301'],
  ...['a', 'B7', 'photos/2025/', 'key.jpg', ' HTTP/1.1', '" 200 - 1 1 1 1 "-" "x" -', '\nowner bucket ['],
  '\u0000'.repeat(3),
].map((text) => Buffer.from(text, 'utf8'));

/** Bytes that are not UTF-8: stray, cut off, overlong, surrogates, beyond U+10FFFF. */
const INVALID_BYTES = [
  ...['ff', 'fe', '80', 'bf', 'c3', 'c3c3', 'e2', 'e282', 'f09f98', 'c080', 'c1bf', 'e08080', 'e09fbf'],
  ...['f0808080', 'f08fbfbf', 'eda080', 'edbfbf', 'f4908080', 'f5808080', 'f888808080', '80c3a980'],
].map((hex) => Buffer.from(hex, 'hex'));

const piece = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...HOSTILE_TEXT) },
  { weight: 3, arbitrary: fc.constantFrom(...INVALID_BYTES) },
  {
    weight: 2,
    arbitrary: fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text, 'utf8')),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)) },
);

const hostileText = fc.array(piece, { maxLength: 6 }).map((pieces) => Buffer.concat(pieces));

/** As long as the longest keys that clients get through: 8 KiB. */
const longText = fc
  .tuple(fc.constantFrom(...HOSTILE_TEXT), fc.constantFrom(...HOSTILE_TEXT, ...INVALID_BYTES))
  .map((pair) => Buffer.alloc(8192, Buffer.concat(pair)));

const text = fc.oneof(
  { weight: 60, arbitrary: hostileText },
  { weight: 20, arbitrary: fc.constantFrom('GET /b/k HTTP/1.1', 'curl/8.0', 'a').map((t) => Buffer.from(t)) },
  { weight: 9, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant(Buffer.of()) },
);

const uint64 = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  fc.bigInt(0n, 2n ** 64n - 1n),
);
const float32 = fc.oneof(fc.float(), fc.float({ min: 0, max: 100_000 }), fc.constantFrom(0, -0, 45.5));
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 6 });

/** Records with whatever clients, broken servers and log shippers may bring into the logs table. */
export function hostileRecord(textColumns: readonly string[]): fc.Arbitrary<ReferenceRecord> {
  return fc
    .record({
      values: fc.tuple(...textColumns.map(() => text)),
      longKey: fc.oneof({ weight: 200, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: longText }),
      numbers: fc.record({
        objectSize: nullable(uint64),
        bytesSent: nullable(uint64),
        httpCode: nullable(fc.oneof(fc.constantFrom(0, 200, 404), fc.nat(65_535))),
        totalTime: nullable(float32),
        turnAroundTime: nullable(float32),
      }),
      startTime: fc.integer({ min: Date.UTC(1901, 0, 1), max: Date.UTC(2299, 0, 1) }),
    })
    .map(({ values, longKey, numbers, startTime }) => ({
      text: recordOf(textColumns, values, longKey),
      numbers,
      startTime,
    }));
}

function recordOf(
  columns: readonly string[],
  values: readonly (Buffer | null)[],
  longKey: Buffer | null,
): Record<string, Buffer | null> {
  const entries = columns.map((column, index): [string, Buffer | null] => {
    const value = values[index] ?? null;
    if (column === 'objectKey' && longKey !== null) return [column, longKey];
    return [column, ['bucketName', 'req_id'].includes(column) ? (value ?? Buffer.of()) : value];
  });
  return Object.fromEntries(entries);
}
