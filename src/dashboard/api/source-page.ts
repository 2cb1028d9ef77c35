import type { SourcePage, SourceRow, SourceSort, SourceState } from './shapes.js';

/** Which sources, in which order, and which page of them. */
export interface SourceQuery {
  /** Part of the name of a source or of one of its targets, in whatever case; empty for all. */
  readonly search: string;
  readonly state: SourceState | undefined;
  readonly sort: SourceSort;
  readonly direction: 'asc' | 'desc';
  readonly page: number;
  readonly pageSize: number;
}

/**
 * One page of a pipeline's sources. Sources that the sort does not tell apart are sorted by name.
 *
 * @param rows by source; a map that is given again has not been changed meanwhile
 */
export function sourcePage(
  pipeline: string,
  rows: ReadonlyMap<string, SourceRow>,
  query: SourceQuery,
): SourcePage {
  const { search, state, page, pageSize } = query;
  const wanted = search.toLowerCase();
  const found = sortedRows(rows, query).filter(
    (row) => (state === undefined || row.state === state) && (wanted === '' || isNamed(row, wanted)),
  );
  const first = (page - 1) * pageSize;
  return { pipeline, page, pageSize, total: found.length, rows: found.slice(first, first + pageSize) };
}

/** Rows are read every few seconds, and asked for in the same few orders meanwhile: each is made once. */
const sorted = new WeakMap<ReadonlyMap<string, SourceRow>, Map<string, readonly SourceRow[]>>();

function sortedRows(
  rows: ReadonlyMap<string, SourceRow>,
  query: Pick<SourceQuery, 'sort' | 'direction'>,
): readonly SourceRow[] {
  const orders = sorted.get(rows) ?? new Map<string, readonly SourceRow[]>();
  sorted.set(rows, orders);
  const name = `${query.sort} ${query.direction}`;
  const known = orders.get(name);
  if (known !== undefined) return known;
  const made = [...rows.values()].sort(comparison(query));
  orders.set(name, made);
  return made;
}

function isNamed({ source, targets }: SourceRow, wanted: string): boolean {
  return (
    source.toLowerCase().includes(wanted) || targets.some((target) => target.toLowerCase().includes(wanted))
  );
}

/** The worst state first. */
const STATE_ORDER: Readonly<Record<SourceState, number>> = { stuck: 0, waiting: 1, delivered: 2 };

type Compare = (a: SourceRow, b: SourceRow) => number;

const COMPARE: Readonly<Record<SourceSort, Compare>> = {
  source: (a, b) => byText(a.source, b.source),
  state: (a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state],
  waitingRecords: (a, b) => a.waitingRecords - b.waitingRecords,
  // What nothing is known of comes before everything: it has waited the least, and was never delivered.
  oldestAgeSeconds: (a, b) => (a.oldestAgeSeconds ?? -1) - (b.oldestAgeSeconds ?? -1),
  lastDeliveredAt: (a, b) => byText(a.lastDeliveredAt ?? '', b.lastDeliveredAt ?? ''),
};

function comparison({ sort, direction }: Pick<SourceQuery, 'sort' | 'direction'>): Compare {
  const compare = COMPARE[sort];
  const sign = direction === 'asc' ? 1 : -1;
  return (a, b) => sign * compare(a, b) || byText(a.source, b.source);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
