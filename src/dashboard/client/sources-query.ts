import type { SourceSort, SourceState } from '../api/shapes.js';

/** What the overview shows, as its address says: a page that is reloaded or passed on shows the same. */
export interface View {
  /** The pipeline that is looked at; undefined for the first. */
  readonly pipeline: string | undefined;
  readonly span: 'hour' | 'day';
  readonly search: string;
  readonly state: SourceState | undefined;
  readonly sort: SourceSort;
  readonly direction: 'asc' | 'desc';
  readonly page: number;
}

/** Orders of the table, with what they are called. */
export const SORTS: readonly SourceSort[] = [
  'source',
  'state',
  'waitingRecords',
  'oldestAgeSeconds',
  'lastDeliveredAt',
];

/** States of a source, the worst first. */
export const STATES: readonly SourceState[] = ['stuck', 'waiting', 'delivered'];

/** What is shown when the address says nothing: trouble first. */
export const PLAIN_VIEW: View = {
  pipeline: undefined,
  span: 'hour',
  search: '',
  state: undefined,
  sort: 'state',
  direction: 'asc',
  page: 1,
};

/** The order that a press on a column's heading asks for: names go up, figures down, and a second press turns it. */
export function sortedBy(view: View, sort: SourceSort): View {
  const first = sort === 'source' || sort === 'state' ? 'asc' : 'desc';
  const opposite = view.direction === 'asc' ? 'desc' : 'asc';
  return { ...view, sort, direction: view.sort === sort ? opposite : first, page: 1 };
}

/** Reads a view from the query of an address; what makes no sense is as if it were not there. */
export function viewFrom(search: string): View {
  const query = new URLSearchParams(search);
  const page = Number(query.get('page'));
  return {
    pipeline: query.get('pipeline') ?? undefined,
    span: query.get('span') === 'day' ? 'day' : 'hour',
    search: query.get('search') ?? '',
    state: STATES.find((state) => state === query.get('state')),
    sort: SORTS.find((sort) => sort === query.get('sort')) ?? PLAIN_VIEW.sort,
    direction: query.get('direction') === 'desc' ? 'desc' : 'asc',
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
  };
}

/** The query of an address that shows a view: only what differs from {@link PLAIN_VIEW}. */
export function queryOf(view: View): string {
  const query = new URLSearchParams();
  const all: Readonly<Record<keyof View, string | number | undefined>> = { ...view };
  const plain: typeof all = { ...PLAIN_VIEW };
  for (const name of ['pipeline', 'span', 'search', 'state', 'sort', 'direction', 'page'] as const) {
    const value = all[name];
    if (value !== undefined && value !== plain[name]) query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
