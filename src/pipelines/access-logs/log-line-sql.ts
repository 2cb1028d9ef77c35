import { logLineFields, NO_VALUE, type FieldKind, type LogLineField } from './log-line.js';

/**
 * Printable text outside ASCII: all but the C1 controls, the line and paragraph separators (U+2028, U+2029)
 * and bytes that are not UTF-8. Python's `splitlines()` and others end a line at U+0085, U+2028 and U+2029.
 */
const BEYOND_ASCII = String.raw`\x{a0}-\x{2027}\x{202a}-\x{d7ff}\x{e000}-\x{10ffff}`;

/** Characters that stand for themselves, as the inside of a character class; all others become %XX. */
interface Safe {
  /** All of them. */
  readonly all: string;
  /**
   * Those of which the usual values are made. RE2 checks a value against them some four times faster; a
   * value with others in it takes the longer way, to the same end.
   */
  readonly usual: string;
}

const SAFE = {
  plain: { all: `!#-~${BEYOND_ASCII}`, usual: '!#-~' },
  quoted: { all: ` !#-~${BEYOND_ASCII}`, usual: String.raw` !#-\[\]-~` },
  referer: { all: `!#-~${BEYOND_ASCII}`, usual: String.raw`!#-\[\]-~` },
} as const satisfies Readonly<Record<string, Safe>>;

/** The characters that RFC 3986 calls unreserved, and the slash. `encodeURLComponent` leaves the former. */
const SAFE_IN_KEY = '0-9A-Za-z/._~-';

/**
 * The whole log line of a row, without its line feed: a ClickHouse expression over the columns of the logs
 * table. Its type is String, its value never NULL, always valid UTF-8 and never more than one line.
 *
 * The text is constant: it holds the names of columns and nothing that users could choose. It costs about
 * 2.3 µs of CPU a record, reading the columns included, as long as most values need no escaping.
 */
export function logLineExpression(): string {
  return `concatWithSeparator(' ',\n  ${logLineFields.map(fieldExpression).join(',\n  ')})`;
}

function fieldExpression(field: LogLineField): string {
  return field.column === NO_VALUE ? sqlText(NO_VALUE) : EXPRESSIONS[field.kind](field.column);
}

const EXPRESSIONS: Readonly<Record<FieldKind, (column: string) => string>> = {
  plain: (column) => safeText(column, SAFE.plain, encode),
  quoted: (column) => inQuotes(safeText(column, SAFE.quoted, encodeInQuotes)),
  referer: (column) => inQuotes(safeText(column, SAFE.referer, encodeInQuotes)),
  key: keyExpression,
  time: (column) => `formatDateTime(${column}, '[%d/%b/%Y:%H:%i:%S +0000]', 'UTC')`,
  number: (column) => `ifNull(toString(${column}), '-')`,
  status: (column) => `ifNull(toString(${column}), '-')`,
  milliseconds: millisecondsExpression,
};

/** Nearly all values are safe: `if` evaluates its last branch only for the rows that need it. */
function safeText(column: string, safe: Safe, encodeAs: (value: string, safe: Safe) => string): string {
  const value = `ifNull(${column}, '-')`;
  return `if(${consistsOf(value, safe.usual)}, ${value}, if(empty(${value}), '-', ${encodeAs(value, safe)}))`;
}

/** `\C` is one byte: what belongs to no safe character is taken byte by byte. */
function encode(value: string, safe: Safe): string {
  const parts = `extractAll(${value}, ${sqlText(String.raw`[${safe.all}]+|\C`)})`;
  const encoded = `if(${consistsOf('part', safe.all)}, part, encodeURLComponent(part))`;
  return `arrayStringConcat(arrayMap(part -> ${encoded}, ${parts}))`;
}

/** Many parsers, goaccess for one, take a backslash before the closing quote as an escape of that quote. */
function encodeInQuotes(value: string, safe: Safe): string {
  return `replaceRegexpOne(${encode(value, safe)}, ${sqlText(String.raw`\\$`)}, '%5C')`;
}

function inQuotes(value: string): string {
  return `concat('"', ${value}, '"')`;
}

function keyExpression(column: string): string {
  const key = `ifNull(${column}, '-')`;
  const encoded = `replaceAll(encodeURLComponent(${key}), '%2F', '/')`;
  return `if(${consistsOf(key, SAFE_IN_KEY)}, ${key}, if(empty(${key}), '-', ${encoded}))`;
}

/**
 * ClickHouse writes the shortest text that gives back the same Float32, but with an exponent when the value is
 * below 1e-6 or from 1e21 on. NaN and the infinities are no times and become `-`, as NULL does; -0 is 0.
 */
function millisecondsExpression(column: string): string {
  const value = `ifNull(${column}, toFloat32(nan))`;
  return (
    `multiIf(${value} >= 0.001 AND ${value} < 1e15, toString(${value}), ` +
    `${value} = 0, '0', isFinite(${value}), ${withoutExponent(value)}, '-')`
  );
}

/** Text such as `1.25e-7` has one digit before its point, and at most nine digits in all. */
function withoutExponent(value: string): string {
  const text = `toString(abs(${value}))`;
  const digits = `replaceAll(splitByChar('e', ${text})[1], '.', '')`;
  const exponent = `toInt32OrZero(splitByChar('e', ${text})[2])`;
  const small = `concat('0.', repeat('0', -${exponent} - 1), ${digits})`;
  const large = `rightPad(${digits}, ${exponent} + 1, '0')`;
  return (
    `concat(if(${value} < 0, '-', ''), ` +
    `multiIf(position(${text}, 'e') = 0, ${text}, ${exponent} < 0, ${small}, ${large}))`
  );
}

/** True for values of at least one character, all of them in the class. Bytes that are not UTF-8 are in none. */
function consistsOf(value: string, characterClass: string): string {
  return `match(${value}, ${sqlText(`^[${characterClass}]+$`)})`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
