const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const PRECISE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A word in the singular and the plural. */
interface Noun {
  readonly one: string;
  readonly many: string;
}

/** 1234567 → `1,234,567`. */
export function formatCount(value: number): string {
  return COUNT.format(value);
}

/** 1234567 → `1.2M`: for axes, where there is little room. */
export function formatCompact(value: number): string {
  return COMPACT.format(value);
}

/** 3, table → `3 tables`. */
export function formatNumberOf(value: number, noun: Noun): string {
  return `${formatCount(value)} ${value === 1 ? noun.one : noun.many}`;
}

/** Bytes in decimal units: 12345 → `12.3 kB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  // What would be rounded to 1,000 is one of the next unit.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${PRECISE.format(value)} ${units[unit] ?? ''}`;
}

/** Seconds in the two largest units that say something: `42 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 2 * MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return inTwo(whole, HOUR, 'h', MINUTE, 'min');
  return inTwo(whole, DAY, 'd', HOUR, 'h');
}

function inTwo(value: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((value % large) / small);
  const first = `${formatCount(Math.floor(value / large))} ${largeUnit}`;
  return rest === 0 ? first : `${first} ${rest} ${smallUnit}`;
}

/** A time as seen at another one, both in ms: `42 s ago`, `in 3 min`. */
export function formatRelative(at: number, now: number): string {
  const seconds = (now - at) / 1000;
  if (Math.abs(seconds) < 1) return 'just now';
  return seconds > 0 ? `${formatDuration(seconds)} ago` : `in ${formatDuration(-seconds)}`;
}

/** A time in ms or ISO 8601 → `2026-11-30 21:43:02 UTC`. */
export function formatUtc(at: number | string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A time in ms or ISO 8601 → `21:43`, in UTC. */
export function formatClock(at: number | string): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** The first letter in upper case, for the beginning of a heading. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `a`, `a and b`, `a, b and c`. */
export function formatList(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}
