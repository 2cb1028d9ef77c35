import { isUtf8 } from 'node:buffer';
import { Refusal } from './problem.js';

const [
  QUOTE,
  BACKSLASH,
  OPEN_BRACE,
  CLOSE_BRACE,
  OPEN_BRACKET,
  CLOSE_BRACKET,
  COMMA,
  NEWLINE,
  RETURN,
  SPACE,
] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x0a, 0x0d, 0x20];

/**
 * Looks a JSON text through without taking it apart: how deep it nests, and where the elements of an outermost array
 * begin and end.
 *
 * @param maxDepth deeper ones are refused before anything parses them
 * @param most elements that are answered at most; however many there are, they take no more memory than these
 * @throws {Refusal}
 */
export function elementsOf(
  bytes: Buffer,
  maxDepth: number,
  most = 0,
): readonly (readonly [from: number, to: number])[] {
  const elements: [number, number][] = [];
  let [depth, from, inText] = [0, 0, false];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
      continue;
    }
    switch (byte) {
      case QUOTE:
        inText = true;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > maxDepth)
          throw new Refusal('too-deep', `a report may nest ${String(maxDepth)} levels deep`);
        if (depth === 1) from = at + 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 1 && elements.length < most) elements.push([from, at]);
        depth -= 1;
        break;
      case COMMA:
        if (depth === 1) {
          if (elements.length < most) elements.push([from, at]);
          from = at + 1;
        }
        break;
      default:
    }
  }
  return elements;
}

/** A report as it was posted. */
export interface PostedReport {
  /** Its text on one line. Numbers keep all their digits, names their order. */
  readonly line: Buffer;
  readonly value: unknown;
}

/**
 * Reads one JSON value.
 *
 * @param where tells which of several it is, for the answer
 * @throws {Refusal} when it is none, or not UTF-8, or nests too deep
 */
export function postedReport(bytes: Buffer, maxDepth: number, where = ''): PostedReport {
  elementsOf(bytes, maxDepth);
  // Parsed as it came: a line break within a text is a mistake, and must not become a blank.
  const value = parsed(bytes, where);
  return { line: onOneLine(bytes), value };
}

/**
 * Reads several: an array of JSON values, or one value a line (NDJSON).
 *
 * @throws {Refusal}
 */
export function postedReports(
  bytes: Buffer,
  form: 'array' | 'lines',
  limits: { readonly maxDepth: number; readonly maxReports: number; readonly maxReportBytes: number },
): readonly PostedReport[] {
  const piecesOf = form === 'array' ? piecesOfArray : piecesOfLines;
  const pieces = piecesOf(bytes, limits.maxDepth, limits.maxReports + 1);
  if (pieces.length === 0) throw new Refusal('bad-request', 'there is no report in the body');
  if (pieces.length > limits.maxReports)
    throw new Refusal('too-large', `a batch may have ${String(limits.maxReports)} reports`);
  return pieces.map(({ bytes: piece, read }, index) => {
    const where = `report ${String(index + 1)}: `;
    if (piece.length > limits.maxReportBytes)
      throw new Refusal('too-large', `${where}a report may have ${String(limits.maxReportBytes)} bytes`);
    return read(where);
  });
}

/** A part of a body that is one report. */
interface Piece {
  readonly bytes: Buffer;
  /** @param where see {@link postedReport} */
  readonly read: (where: string) => PostedReport;
}

function piecesOfArray(bytes: Buffer, maxDepth: number, most: number): readonly Piece[] {
  const elements = elementsOf(bytes, maxDepth + 1, most);
  const values = parsed(bytes, '');
  if (!Array.isArray(values)) throw new Refusal('bad-request', 'the body is no JSON array');
  if (values.length === 0) return [];
  // Parsed once, all together; what they are as text is where they stand.
  const reports: readonly unknown[] = values;
  return elements.map(([from, to], index) => {
    const piece = bytes.subarray(from, to);
    return { bytes: piece, read: () => ({ line: onOneLine(piece), value: reports[index] }) };
  });
}

function piecesOfLines(bytes: Buffer, maxDepth: number, most: number): readonly Piece[] {
  const lines: Piece[] = [];
  for (let from = 0; from < bytes.length && lines.length < most;) {
    const end = bytes.indexOf(NEWLINE, from);
    const to = end === -1 ? bytes.length : end;
    const line = bytes.subarray(from, to);
    if (!line.every(isBlank))
      lines.push({ bytes: line, read: (where) => postedReport(line, maxDepth, where) });
    from = to + 1;
  }
  return lines;
}

/** Line breaks in JSON stand between its parts, never within a text: blanks do as well. */
function onOneLine(bytes: Buffer): Buffer {
  const trimmed = trim(bytes);
  if (!trimmed.includes(NEWLINE) && !trimmed.includes(RETURN)) return trimmed;
  return Buffer.from(trimmed.map((byte) => (byte === NEWLINE || byte === RETURN ? SPACE : byte)));
}

function trim(bytes: Buffer): Buffer {
  let [from, to] = [0, bytes.length];
  while (from < to && isBlank(bytes[from])) from += 1;
  while (to > from && isBlank(bytes[to - 1])) to -= 1;
  return bytes.subarray(from, to);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === 0x09;
}

function parsed(bytes: Buffer, where: string): unknown {
  if (!isUtf8(bytes)) throw new Refusal('bad-json', `${where}the text is not UTF-8`);
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return value;
  } catch (cause) {
    throw new Refusal(
      'bad-json',
      `${where}${cause instanceof Error ? cause.message : 'no JSON'}`,
      undefined,
      { cause },
    );
  }
}
