/**
 * The log line's rules, written a second time and as plainly as possible, to compare the SQL with. It shares
 * nothing with src/. Text is given as bytes, since clients can send bytes that are not UTF-8.
 */

/** A record's values, by column. */
export interface ReferenceRecord {
  readonly text: Readonly<Record<string, Buffer | null>>;
  readonly numbers: Readonly<Record<string, bigint | number | null>>;
  /** Milliseconds since 1970. */
  readonly startTime: number;
}

interface Piece {
  readonly bytes: Buffer;
  /** Undefined for a byte that belongs to no UTF-8 character. */
  readonly character: string | undefined;
}

/** What the 26 fields of a record's line hold. */
export function expectedFields(record: ReferenceRecord): string[] {
  const { text, numbers } = record;
  const plain = (column: string): string => plainField(text[column] ?? null);
  const number = (column: string): string => numbers[column]?.toString() ?? '-';
  return [
    ...[plain('bucketOwner'), plain('bucketName'), timeField(record.startTime), plain('clientIP')],
    ...[plain('requester'), plain('req_id'), plain('operation'), keyField(text['objectKey'] ?? null)],
    ...[quotedField(text['requestURI'] ?? null, true), number('httpCode'), plain('errorCode')],
    ...[number('bytesSent'), number('objectSize'), millisecondsField(numbers['totalTime'] ?? null)],
    ...[millisecondsField(numbers['turnAroundTime'] ?? null), quotedField(text['referer'] ?? null, false)],
    ...[quotedField(text['userAgent'] ?? null, true), plain('versionId'), '-', plain('signatureVersion')],
    ...[plain('cipherSuite'), plain('authenticationType'), plain('hostHeader'), plain('tlsVersion'), '-'],
    plain('aclRequired'),
  ];
}

function plainField(value: Buffer | null): string {
  return value === null || value.length === 0 ? '-' : escaped(value, false);
}

function quotedField(value: Buffer | null, spaces: boolean): string {
  if (value === null || value.length === 0) return '"-"';
  const text = escaped(value, spaces);
  return `"${text.endsWith('\\') ? `${text.slice(0, -1)}%5C` : text}"`;
}

function keyField(value: Buffer | null): string {
  if (value === null || value.length === 0) return '-';
  return [...value]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9\-_.~/]/.test(character) ? character : percent(Buffer.of(byte));
    })
    .join('');
}

function escaped(value: Buffer, spaces: boolean): string {
  return pieces(value)
    .map(({ bytes, character }) =>
      character === undefined || mustBeEscaped(character, spaces) ? percent(bytes) : character,
    )
    .join('');
}

function mustBeEscaped(character: string, spaces: boolean): boolean {
  if (character === ' ') return !spaces;
  return /["\p{Cc}\p{Zl}\p{Zp}]/u.test(character);
}

function pieces(value: Buffer): Piece[] {
  const found: Piece[] = [];
  for (let at = 0; at < value.length;) {
    const piece = pieceAt(value, at);
    found.push(piece);
    at += piece.bytes.length;
  }
  return found;
}

function pieceAt(value: Buffer, at: number): Piece {
  for (let length = 1; length <= 4 && at + length <= value.length; length += 1) {
    const bytes = value.subarray(at, at + length);
    const character = bytes.toString('utf8');
    if (Buffer.from(character, 'utf8').equals(bytes)) return { bytes, character };
  }
  return { bytes: value.subarray(at, at + 1), character: undefined };
}

function percent(bytes: Buffer): string {
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function timeField(milliseconds: number): string {
  const [, day, month, year, clock] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(milliseconds).toUTCString()) ?? [];
  return `${day ?? ''}/${month ?? ''}/${year ?? ''}:${clock ?? ''} +0000`;
}

/** The shortest decimal that gives back the same Float32, written out. */
export function millisecondsField(value: bigint | number | null): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) =>
    sameFloat(value.toExponential(count - 1), value),
  );
  return writtenOut(value.toExponential((digits ?? 9) - 1));
}

function sameFloat(text: string, value: number): boolean {
  return Math.fround(Number(text)) === value;
}

function writtenOut(scientific: string): string {
  const [, sign, first, rest, exponent] = /^(-?)(\d)\.?(\d*)e([+-]\d+)$/.exec(scientific) ?? [];
  const digits = `${first ?? ''}${rest ?? ''}`;
  const power = Number(exponent);
  if (power < 0) return `${sign ?? ''}0.${'0'.repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0');
  const fraction = digits.slice(power + 1);
  return `${sign ?? ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
