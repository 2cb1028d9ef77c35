import { logLineFields, NO_VALUE, type FieldKind, type LogLineField } from './log-line.js';

/**
 * The whole log line of a row, without its line feed: a ClickHouse expression over the columns of the logs
 * table. Its type is String, its value never NULL, always valid UTF-8 and never more than one line.
 *
 * Nearly all lines are their values as they are, joined, and one look at the whole line tells; the others are made of
 * values that are escaped one by one. Above all that makes the expression short: understanding a long one costs
 * ClickHouse as much as thousands of records.
 *
 * The text is constant: it holds the names of columns and nothing that users could choose.
 */
export function logLineExpression(): string {
  return `if(match(${joinedLine()} AS joinedLine, ${sqlText(usualLinePattern())}), joinedLine,\n  ${escapedLine()})`;
}

/** How a kind of field is written. */
interface Written {
  /** The value as it stands in the joined line. */
  readonly joined: (column: string) => string;
  /** The regular expression of what it usually is; another one must be escaped. */
  readonly usual: string;
  /** The field with its value escaped. */
  readonly escaped: (column: string) => string;
  /** What stands around the value. */
  readonly around?: '"';
}

const WRITTEN: Readonly<Record<FieldKind, Written>> = {
  plain: { joined: textOrNone, usual: '[!#-~]+', escaped: escapedText },
  // A backslash is only unusual: just the last one before the closing quote is escaped.
  quoted: { joined: textOrNone, usual: String.raw`[ !#-\[\]-~]+`, escaped: escapedInQuotes, around: '"' },
  referer: { joined: textOrNone, usual: String.raw`[!#-\[\]-~]+`, escaped: escapedInQuotes, around: '"' },
  // Encoded in both lines, since many keys have to be.
  key: { joined: encodedKey, usual: '[!#-~]+', escaped: encodedKey },
  time: { joined: time, usual: String.raw`\[[0-9A-Za-z/:]+ \+0000\]`, escaped: time },
  number: { joined: numberOrNone, usual: '(?:-|[0-9]+)', escaped: numberOrNone },
  status: { joined: numberOrNone, usual: '(?:-|[0-9]+)', escaped: numberOrNone },
  // Neither negative, nor with an exponent, nor infinite.
  milliseconds: {
    joined: numberOrNone,
    usual: '(?:-|[0-9.]+)',
    escaped: (column) => element('times', TIMES, column),
  },
};

/** A field, or what is to stand in its place, with what stands around it. */
function around({ kind, column }: LogLineField, value: string): string {
  const { around: quote = '' } = WRITTEN[kind];
  return column === NO_VALUE ? NO_VALUE : `${quote}${value}${quote}`;
}

/** The values as they are, with what stands between them in a line. */
function joinedLine(): string {
  const places = logLineFields.map((field) => around(field, '{}'));
  const values = logLineFields
    .filter(({ column }) => column !== NO_VALUE)
    .map(({ kind, column }) => WRITTEN[kind].joined(column));
  return `format(${sqlText(places.join(' '))}, ${values.join(', ')})`;
}

/**
 * Matches the joined lines that need no escaping: those of which every value is a usual one. It cannot take one value's
 * end for the beginning of the next one:
 *
 * - It matches as many quotes as stand around the fields in quotes; so none is in a value, and these fields are
 *   between them.
 * - Before, between and behind these fields it matches as many spaces as stand between the other fields and in the
 *   time; so none is in a value, and each value is where its own expression is.
 */
function usualLinePattern(): string {
  return `^${logLineFields.map((field) => around(field, WRITTEN[field.kind].usual)).join(' ')}$`;
}

const TEXTS = columnsOf('plain', 'quoted', 'referer');
const TIMES = columnsOf('milliseconds');

function columnsOf(...kinds: readonly FieldKind[]): string[] {
  return logLineFields
    .filter(({ kind, column }) => kinds.includes(kind) && column !== NO_VALUE)
    .map(({ column }) => column);
}

/**
 * The line of values that are escaped. Each text goes through the same function, and each time. All of it is inside
 * a lambda: these are evaluated only for the rows for which `if` needs them, and most other functions for all.
 */
function escapedLine(): string {
  const fields = logLineFields.map(({ kind, column }) =>
    column === NO_VALUE ? sqlText(NO_VALUE) : WRITTEN[kind].escaped(column),
  );
  const spaces = logLineFields
    .filter(({ column }) => TEXTS.includes(column))
    .map(({ kind }) => sqlText(kind === 'quoted' ? ' ' : '%20'));
  return `arrayMap(once -> arrayMap((texts, times) -> concatWithSeparator(' ', ${fields.join(', ')}),
    [arrayMap((text, space) -> replaceAll(${safeText('text')}, ' ', space), [${TEXTS.join(', ')}], [${spaces.join(', ')}])],
    [arrayMap((time, parts) -> ${milliseconds('time', 'parts')},
      [${TIMES.join(', ')}], arrayMap(time -> splitByChar('e', toString(abs(time))), [${TIMES.join(', ')}]))])[1], [0])[1]`;
}

function element(array: string, columns: readonly string[], column: string): string {
  return `${array}[${String(columns.indexOf(column) + 1)}]`;
}

function escapedText(column: string): string {
  return element('texts', TEXTS, column);
}

/** Many parsers, goaccess for one, take a backslash before the closing quote as an escape of that quote. */
function escapedInQuotes(column: string): string {
  return `concat('"', replaceRegexpOne(${escapedText(column)}, ${sqlText(String.raw`\\$`)}, '%5C'), '"')`;
}

function textOrNone(column: string): string {
  return `ifNull(${column}, '-')`;
}

function numberOrNone(column: string): string {
  return `ifNull(toString(${column}), '-')`;
}

function time(column: string): string {
  return `formatDateTime(${column}, '[%d/%b/%Y:%H:%i:%S +0000]', 'UTC')`;
}

/** The characters that RFC 3986 calls unreserved, and the slash. `encodeURLComponent` leaves the former. */
const SAFE_IN_KEY = '0-9A-Za-z/._~-';

function encodedKey(column: string): string {
  const key = textOrNone(column);
  const encoded = `replaceAll(encodeURLComponent(${key}), '%2F', '/')`;
  return `if(${consistsOf(key, SAFE_IN_KEY)}, ${key}, if(empty(${key}), '-', ${encoded}))`;
}

/**
 * Printable text outside ASCII: all but the C1 controls, the line and paragraph separators (U+2028, U+2029)
 * and bytes that are not UTF-8. Python's `splitlines()` and others end a line at U+0085, U+2028 and U+2029.
 */
const BEYOND_ASCII = String.raw`\x{a0}-\x{2027}\x{202a}-\x{d7ff}\x{e000}-\x{10ffff}`;

/** Characters of text that stand for themselves, as the inside of a character class; all others become %XX. */
const SAFE = ` !#-~${BEYOND_ASCII}`;

/** `\C` is one byte: what belongs to no safe character is taken byte by byte. */
function safeText(value: string): string {
  const parts = `extractAll(ifNull(${value}, ''), ${sqlText(String.raw`[${SAFE}]+|\C`)})`;
  const encoded = `if(${consistsOf('part', SAFE)}, part, encodeURLComponent(part))`;
  return `if(empty(ifNull(${value}, '')), '-', arrayStringConcat(arrayMap(part -> ${encoded}, ${parts})))`;
}

/**
 * A time in ms, or `-` for what is none, NaN and the infinities among them. ClickHouse writes the shortest text that
 * gives back the same Float32, but with an exponent when the value is below 1e-6 or from 1e21 on: text such as
 * `1.25e-7`, which has one digit before its point, and at most nine digits in all. -0 is 0.
 *
 * @param parts an array of what stands before and behind the `e`, without the sign
 */
function milliseconds(value: string, parts: string): string {
  const digits = `replaceAll(${parts}[1], '.', '')`;
  const exponent = `toInt32OrZero(${parts}[2])`;
  const small = `concat('0.', repeat('0', -${exponent} - 1), ${digits})`;
  const large = `rightPad(${digits}, ${exponent} + 1, '0')`;
  const absolute = `multiIf(empty(${parts}[2]), ${parts}[1], startsWith(${parts}[2], '-'), ${small}, ${large})`;
  return `if(isFinite(${value}) AND ${value} IS NOT NULL, concat(if(${value} < 0, '-', ''), ${absolute}), '-')`;
}

/** True for values of at least one character, all of them in the class. Bytes that are not UTF-8 are in none. */
function consistsOf(value: string, characterClass: string): string {
  return `match(${value}, ${sqlText(`^[${characterClass}]+$`)})`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
