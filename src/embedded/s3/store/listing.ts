import { compareKeys, type SortedKeys } from './sorted-keys.js';

/** After what a page begins: after a key, or after all keys that begin with a common prefix. */
export interface Position {
  readonly kind: 'key' | 'group';
  readonly value: string;
}

/** Which keys are asked for. */
export interface ListingRequest {
  readonly prefix: string;
  /** Keys that have it after the prefix are gathered in groups; empty for none. */
  readonly delimiter: string;
  readonly after: Position | undefined;
  /** Keys and groups together. */
  readonly maxKeys: number;
}

/** One page of a listing. */
export interface ListingPage {
  readonly keys: readonly string[];
  /** The common prefixes of groups of keys. */
  readonly groups: readonly string[];
  /** Where the next page goes on; undefined when there is none. */
  readonly next: Position | undefined;
}

/** The page of keys that ListObjectsV2 answers. */
export function listPage(sorted: SortedKeys, request: ListingRequest): ListingPage {
  const { prefix, delimiter, maxKeys } = request;
  const keys: string[] = [];
  const groups: string[] = [];
  let last: Position | undefined;
  let index = firstOf(sorted, request);
  for (;;) {
    const key = sorted.at(index);
    if (maxKeys === 0 || key?.startsWith(prefix) !== true) return { keys, groups, next: undefined };
    if (keys.length + groups.length === maxKeys) return { keys, groups, next: last };
    const group = groupOf(key, prefix, delimiter);
    last = group === undefined ? { kind: 'key', value: key } : { kind: 'group', value: group };
    if (group === undefined) keys.push(key);
    else groups.push(group);
    index = group === undefined ? index + 1 : sorted.firstIndex((other) => isBeyond(other, last));
  }
}

function firstOf(sorted: SortedKeys, { prefix, after }: ListingRequest): number {
  return sorted.firstIndex((key) => compareKeys(key, prefix) >= 0 && isBeyond(key, after));
}

function isBeyond(key: string, position: Position | undefined): boolean {
  if (position === undefined) return true;
  if (position.kind === 'group' && key.startsWith(position.value)) return false;
  return compareKeys(key, position.value) > 0;
}

function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  const index = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return index < 0 ? undefined : key.slice(0, index + delimiter.length);
}
