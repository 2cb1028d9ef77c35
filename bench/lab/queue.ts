import { setTimeout as sleep } from 'node:timers/promises';
import { countOrders } from './order-book.js';
import type { Courier } from './courier.js';
import type { Site } from './site.js';

/** Time between looks at the queue while its end is waited for: the precision of what is measured; ms. */
const LOOK_AGAIN_MS = 10;
/** Time between looks into the order book, which cost ClickHouse more; ms. */
const LOOK_INTO_BOOK_AGAIN_MS = 2000;
/** How long the queue may stand still, in ms: log-courier's own limit for one order. */
const STANDSTILL_MS = 300_000;

async function jobsLeft({ queue }: Site): Promise<number> {
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/**
 * Resolves when no job is left.
 *
 * @throws {Error} when a process ends meanwhile, an order fails, or nothing moves any more
 */
export async function whenEmpty(site: Site, couriers: readonly Courier[]): Promise<void> {
  const ended = Promise.race(couriers.map(({ failed }) => failed));
  let left = Infinity;
  let movedAt = performance.now();
  for (;;) {
    const now = await Promise.race([jobsLeft(site), ended]);
    if (now === 0) return;
    if (now < left) movedAt = performance.now();
    left = Math.min(left, now);
    if (performance.now() - movedAt > STANDSTILL_MS)
      throw new Error(
        `${now} work orders wait and nothing moves: ${JSON.stringify(await countOrders(site))}`,
      );
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Resolves when all these records are ordered and all their orders are in the queue. */
export async function whenQueued(site: Site, records: number, courier: Courier): Promise<number> {
  for (;;) {
    const [book, jobs] = await Promise.race([
      Promise.all([countOrders(site), jobsLeft(site)]),
      courier.failed,
    ]);
    if (book.openRecords === records && jobs === book.open) return jobs;
    await sleep(LOOK_AGAIN_MS * 10);
  }
}

/** Resolves when so many objects have been written. */
export async function whenInSink({ sink }: Site, objects: number, courier: Courier): Promise<void> {
  while ((await Promise.race([sink.stats(), courier.failed])).objects < objects) await sleep(LOOK_AGAIN_MS);
}

/** Resolves when so many records are delivered, as the order book says. */
export async function whenAllDelivered(
  site: Site,
  records: number,
  couriers: readonly Courier[],
): Promise<void> {
  const ended = Promise.race(couriers.map(({ failed }) => failed));
  let [delivered, movedAt] = [0, performance.now()];
  while (delivered < records) {
    const book = await Promise.race([countOrders(site), ended]);
    if (book.failed > 0) throw new Error(`an order has failed: ${book.reason}`);
    if (book.deliveredRecords > delivered) movedAt = performance.now();
    delivered = book.deliveredRecords;
    if (performance.now() - movedAt > STANDSTILL_MS)
      throw new Error(`nothing moves: ${JSON.stringify(book)}`);
    if (delivered < records) await sleep(LOOK_INTO_BOOK_AGAIN_MS);
  }
}
