import type { Noun } from '../../pipelines/words.js';

/** A number for people: 12,345. */
export function numberText(count: number): string {
  return count.toLocaleString('en-US');
}

/** How many of something: "1 bucket", "3 buckets". */
export function countText(count: number, { one, many }: Noun): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A duration in its two largest units: "42 s", "12 min", "3 h 5 min", "2 d 4 h". */
export function durationText(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([size]) => rounded >= size);
  const [size, unit] = UNITS[first] ?? [1, 's'];
  const whole = Math.floor(rounded / size);
  const [nextSize, nextUnit] = UNITS[first + 1] ?? [1, ''];
  const rest = Math.floor((rounded - whole * size) / nextSize);
  const isTwo = first >= 0 && nextUnit !== '' && rest > 0;
  return isTwo ? `${numberText(whole)} ${unit} ${String(rest)} ${nextUnit}` : `${numberText(whole)} ${unit}`;
}

/** Several things in a sentence, the first of them named: "a, b and 3 more". */
export function listText(names: readonly string[], most: number): string {
  const named = names.slice(0, most);
  const more = names.length - named.length;
  if (more > 0) return `${named.join(', ')} and ${numberText(more)} more`;
  const last = named.at(-1) ?? '';
  return named.length < 2 ? last : `${named.slice(0, -1).join(', ')} and ${last}`;
}
