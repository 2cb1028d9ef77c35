import { decodeKey, wholeNumber, decimal, utcTime, ValueError, type ColumnValue } from './log-line-values.js';
import {
  FIELDS_IN_EVERY_LINE,
  logLineFields,
  NO_VALUE,
  type FieldKind,
  type LogLineColumn,
} from './log-line.js';

/**
 * A log line's values, as they are inserted into the logs table: text, `YYYY-MM-DD hh:mm:ss.SSS` (UTC) for
 * startTime, decimal text for the UInt64 columns (beyond what a JavaScript number holds), numbers for the
 * others, null for `-`. A column of a field that the line does not have is missing.
 */
export type LogLineColumns = Partial<Record<LogLineColumn, ColumnValue>> & {
  readonly startTime: string;
  readonly bucketName: string;
  readonly req_id: string;
};

/** A line that could be read. */
export interface ParsedLine {
  readonly ok: true;
  readonly columns: LogLineColumns;
}

/** A line that could not be read, and why. */
export interface LineError {
  readonly ok: false;
  /** AWS's name of the field that is missing or wrong. */
  readonly field: string;
  /** The whole message, which names the field and shows its value. */
  readonly message: string;
}

type Field = (typeof logLineFields)[number];

/** The text of a field, up to the space after it. Lines by AWS may hold spaces in a Referer. */
const FIELD_TEXT: Readonly<Record<FieldKind, RegExp>> = {
  plain: /[^ ]*/y,
  time: /\[[^\]]*\]/y,
  key: /[^ ]*/y,
  quoted: /"[^"]*"|-/y,
  referer: /"[^"]*"|[^ ]*/y,
  number: /[^ ]*/y,
  milliseconds: /[^ ]*/y,
  status: /[^ ]*/y,
};

/** Longer values are cut in messages. */
const SHOWN_CHARACTERS = 80;

/**
 * Reads one line of an S3 server access log, by AWS or by log-courier, with 18 fields or more. Fields after
 * the 26th are ignored, and the Host Id and the Access Point ARN, for which there are no columns. The key is
 * URL-decoded, once; everything else is taken as it stands, so that a row that is delivered again gives back
 * the line.
 *
 * @param line one line, with or without its line ending
 */
export function parseLogLine(line: string): ParsedLine | LineError {
  const text = line.replace(/[ \r\n]+$/, '');
  const columns: Partial<Record<LogLineColumn, ColumnValue>> = {};
  let position = 0;
  for (const field of logLineFields) {
    if (position > text.length) {
      if (field.number <= FIELDS_IN_EVERY_LINE) return lineError(field, 'the line ends before it');
      break;
    }
    const raw = rawText(text, position, field.kind);
    if (raw === undefined) return lineError(field, `cannot be read: ${shown(text.slice(position))}`);
    try {
      if (field.column !== NO_VALUE) columns[field.column] = VALUE[field.kind](raw);
    } catch (error) {
      if (error instanceof ValueError) return lineError(field, `${error.message}: ${shown(raw)}`);
      throw error;
    }
    position += raw.length + 1;
  }
  return complete(columns);
}

const VALUE: Readonly<Record<FieldKind, (raw: string) => ColumnValue>> = {
  plain: textOrNull,
  time: (raw) => utcTime(raw.slice(1, -1)),
  key: (raw) => orNull(raw, decodeKey),
  quoted: (raw) => textOrNull(withoutQuotes(raw)),
  referer: (raw) => textOrNull(withoutQuotes(raw)),
  number: (raw) => orNull(raw, (digits) => wholeNumber(digits, 2n ** 64n - 1n).toString()),
  milliseconds: (raw) => orNull(raw, decimal),
  status: (raw) => orNull(raw, (digits) => Number(wholeNumber(digits, 2n ** 16n - 1n))),
};

/** The field that begins at a position and ends before a space or the line's end. */
function rawText(line: string, position: number, kind: FieldKind): string | undefined {
  const pattern = FIELD_TEXT[kind];
  pattern.lastIndex = position;
  const raw = pattern.exec(line)?.[0];
  if (raw === undefined) return undefined;
  const end = position + raw.length;
  return end === line.length || line[end] === ' ' ? raw : undefined;
}

function orNull(raw: string, read: (raw: string) => ColumnValue): ColumnValue {
  return raw === NO_VALUE || raw === '' ? null : read(raw);
}

function textOrNull(raw: string): ColumnValue {
  return orNull(raw, (text) => text);
}

function withoutQuotes(raw: string): string {
  return /^"(.*)"$/s.exec(raw)?.[1] ?? raw;
}

/** The columns that can hold no NULL are ''. */
function complete(columns: Partial<Record<LogLineColumn, ColumnValue>>): ParsedLine {
  const { startTime, bucketName, req_id } = columns;
  return {
    ok: true,
    columns: {
      ...columns,
      startTime: String(startTime),
      bucketName: String(bucketName ?? ''),
      req_id: String(req_id ?? ''),
    },
  };
}

function lineError(field: Field, problem: string): LineError {
  return { ok: false, field: field.name, message: `field ${field.number} (${field.name}): ${problem}` };
}

function shown(text: string): string {
  return text.length > SHOWN_CHARACTERS
    ? `${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}…`
    : JSON.stringify(text);
}
