import type { TableOrder } from '../order.js';

/** The table whose files stand in no folder of their own: existing archives have it so. */
const WITHOUT_FOLDER = 'log_scores';

/**
 * The name of an order's file: the time of its first row in seconds since 1970, and that row's key, as existing archives
 * have it; late rows have a name that no other rows have. Tables other than `log_scores` have a folder each.
 * With `byYear`, files stand in a folder for the year of their first row, in UTC.
 */
export function fileNameOf(
  { table, firstAt, firstKey, kind, id }: Pick<TableOrder, 'table' | 'firstAt' | 'firstKey' | 'kind' | 'id'>,
  byYear: boolean,
): string {
  const seconds = Math.floor(Date.parse(firstAt) / 1000);
  const late = kind === 'late' ? `-late-${id}` : '';
  const folder = table === WITHOUT_FOLDER ? '' : `${table}/`;
  const year = byYear ? `${firstAt.slice(0, 4)}/` : '';
  return `${folder}${year}${String(seconds)}-${String(firstKey)}${late}.avro`;
}
