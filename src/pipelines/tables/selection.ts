import { lateKeys } from './late.js';
import type { BookEntry } from './book-row.js';
import type { ArchiverParts } from './parts.js';

/** Which rows of a key range are an order's, for destinations that keep rows of all orders together. */
export type Selection =
  | { readonly kind: 'only'; readonly keys: readonly number[] }
  | {
      readonly kind: 'all but';
      readonly keys: readonly number[];
      /** How many of them are delivered, by orders of their own. */
      readonly delivered: number;
    };

/** The rows of an order: of late ones these keys alone, of a range all but the late ones of other orders. */
export async function selectionOf(
  { book }: Pick<ArchiverParts, 'book'>,
  entry: BookEntry,
): Promise<Selection> {
  const { order } = entry;
  if (order.kind === 'late') return { kind: 'only', keys: await lateKeys(book, entry) };
  const others = await book.entries(
    "source_table = ? AND kind = 'late' AND up_to_key > ? AND after_key < ?",
    [order.table, order.after, order.upTo],
  );
  const keys: number[] = [];
  let delivered = 0;
  for (const other of others) {
    const inRange = (await lateKeys(book, other)).filter((key) => key > order.after && key <= order.upTo);
    keys.push(...inRange);
    if (other.state === 'delivered') delivered += inRange.length;
  }
  return { kind: 'all but', keys, delivered };
}
