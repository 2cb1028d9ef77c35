/** A value of a column of the logs table, as JSON takes it. */
export type ColumnValue = string | number | null;

/** The text of a field is no value of its kind. The message says what the kind allows. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const TIME =
  /^(?<day>\d\d)\/(?<month>[A-Za-z]{3})\/(?<year>\d{4}):(?<clock>\d\d:\d\d:\d\d) (?<hours>[+-]\d\d)(?<minutes>\d\d)$/;

/**
 * Reads `28/Oct/2025:14:30:45 +0000`, with any offset.
 *
 * @returns the time in UTC, as `2025-10-28 14:30:45.000`
 * @throws {ValueError} when the text is no such time, or a day or hour that does not exist
 */
export function utcTime(text: string): string {
  const { day, month, year, clock, hours, minutes } = TIME.exec(text)?.groups ?? {};
  const monthNumber = String(MONTHS.indexOf(month ?? '') + 1).padStart(2, '0');
  const local = `${year ?? ''}-${monthNumber}-${day ?? ''}T${clock ?? ''}`;
  const asUtc = Date.parse(`${local}Z`);
  const time = Date.parse(`${local}${hours ?? ''}:${minutes ?? ''}`);
  const exists = !Number.isNaN(asUtc) && new Date(asUtc).toISOString().startsWith(local);
  if (!exists || Number.isNaN(time)) {
    throw new ValueError('is no time such as [28/Oct/2025:14:30:45 +0000]');
  }
  return new Date(time).toISOString().replace('T', ' ').replace('Z', '');
}

/**
 * Reads digits.
 *
 * @throws {ValueError} when there is anything else, or the number exceeds `maximum`
 */
export function wholeNumber(text: string, maximum: bigint): bigint {
  const value = /^\d+$/.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value > maximum) {
    throw new ValueError(`is no whole number from 0 to ${maximum.toString()}`);
  }
  return value;
}

/**
 * Reads a plain decimal such as `45.5`.
 *
 * @throws {ValueError} when the text is none, or beyond what a Float32 holds
 */
export function decimal(text: string): number {
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(Math.fround(value))) {
    throw new ValueError('is no decimal number such as 45.5 that a Float32 can hold');
  }
  return value;
}

/**
 * Undoes the URL-encoding of a key, once. A `%` that begins no escape stays as it is, and so does `+`.
 *
 * @throws {ValueError} when the decoded bytes are not UTF-8
 */
export function decodeKey(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, decodeEscapes);
}

function decodeEscapes(escapes: string): string {
  const bytes = Buffer.from(escapes.replaceAll('%', ''), 'hex');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ValueError('is not the URL-encoding of UTF-8 text');
  }
}
