import { ChecksumOf } from './checksum.js';
import { chunksOf, smallestKey } from './chunks.js';
import { orderOf } from './order.js';
import type { ArchiverParts } from './parts.js';
import { RunWriter } from './runs.js';
import type { TableShape } from './shape/shape.js';
import type { Position } from './status-table.js';

/**
 * Takes over from another archiver: writes down that what the status table says is copied, and which keys are missing
 * there now. A row that still appears at one of these was not copied by anybody, and is delivered as a late one.
 */
export async function takeOver(
  parts: ArchiverParts,
  shape: TableShape,
  { status = 0, ordered = 0 }: Position,
  signal: AbortSignal,
): Promise<void> {
  const { database, book, archiver, log } = parts;
  const { table } = shape;
  // Below the first row that is there the other archiver's clean-up has been.
  const first = Math.max(ordered + 1, (await smallestKey(database, shape)) ?? status + 1);
  const missing = new RunWriter(ordered);
  const checksum = new ChecksumOf();
  let [last, records] = [first - 1, 0];
  const take = (from: number, to: number): void => {
    if (from > last + 1) missing.add(last + 1, from - 1);
    checksum.run(from, to);
    records += to - from + 1;
    last = to;
  };
  for await (const { from, to, keys } of chunksOf(database, shape, first - 1, status, signal))
    if (keys === undefined) take(from, to);
    else for (const key of keys) take(key, key);
  if (last < status) missing.add(last + 1, status);
  const now = await book.now();
  const order = orderOf({
    ...{ archiver, kind: 'taken', table, after: ordered, upTo: status, which: '' },
    ...{ records, firstKey: first, firstAt: now, oldestAt: now, orderedAt: now },
  });
  await book.add(table, [{ order, checksum: checksum.text, runs: missing.finish(), state: 'delivered' }]);
  log.info(
    { table, archiver, after: ordered, upTo: status },
    'goes on behind what another archiver has copied',
  );
}
