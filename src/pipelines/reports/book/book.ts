import type { Log } from '../../../observability/log.js';
import type { Failure, OrderState, Receipt, RetryFilter, Skip } from '../../pipeline.js';
import type { ReportsOrder } from '../order.js';
import { entryAfter, entryOf, eventSchema, type BookEntry, type BookEvent } from './events.js';
import { Journal } from './journal.js';

const DAY_MS = 86_400_000;

/** What the book works with. */
export interface BookParts {
  /** The journal's folder, beside the spool. */
  readonly folder: string;
  /** Who writes, for people. */
  readonly writer: string;
  readonly retentionDays: number;
  readonly log: Log;
}

/**
 * The order book of reports: a journal beside the spool, which discovery, processors and dashboards of that host write
 * and read. What happened is only ever added; what an order is follows from what was added, the same for all. So nothing
 * needs a lock, and a change that is written twice counts once.
 */
export class Book {
  readonly #journal: Journal;
  readonly #parts: BookParts;
  readonly #entries = new Map<string, BookEntry>();
  readonly #byInput = new Map<string, string>();
  /** Which order has which time and rank. */
  readonly #names = new Map<string, string>();
  #files: readonly string[] = [];
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(parts: BookParts) {
    this.#parts = parts;
    this.#journal = new Journal(parts.folder);
  }

  /** All that the book has now, in the order in which it was ordered. */
  async entries(): Promise<readonly BookEntry[]> {
    await this.#readOn();
    return [...this.#entries.values()];
  }

  /** What the book says of an order; undefined when it does not have it. */
  async find(id: string): Promise<BookEntry | undefined> {
    await this.#readOn();
    return this.#entries.get(id);
  }

  /** The rank of the next order of a time, by what was read last. */
  nextRank(time: string): number {
    let rank = 0;
    while (this.#names.has(nameOf(time, rank))) rank += 1;
    return rank;
  }

  /** What the book had of the order for an input of that name when it was read last. */
  ofInput(kind: ReportsOrder['kind'], input: string): BookEntry | undefined {
    return this.#entries.get(this.#byInput.get(`${kind}/${input}`) ?? '');
  }

  /** Orders in a state, oldest first. */
  async inState(state: OrderState): Promise<readonly BookEntry[]> {
    const entries = (await this.entries()).filter((entry) => entry.state === state);
    return entries.sort(
      (a, b) => byText(a.order.oldestAt, b.order.oldestAt) || byText(a.order.id, b.order.id),
    );
  }

  /** Failed orders that fit a filter, the one that failed the longest ago first. */
  async failed(filter: RetryFilter, now = Date.now()): Promise<readonly BookEntry[]> {
    if (filter.shard !== undefined && filter.shard.shard !== 0) return [];
    const entries = (await this.entries()).filter(
      (entry) => entry.state === 'failed' && fits(entry, filter, now),
    );
    entries.sort((a, b) => byText(a.updatedAt, b.updatedAt) || byText(a.order.id, b.order.id));
    return entries.slice(0, filter.limit ?? entries.length);
  }

  /** Writes new orders; those that the book has stay as they are. */
  async add(orders: readonly ReportsOrder[]): Promise<void> {
    await this.#write(orders.map((order) => ({ event: 'ordered', at: order.orderedAt, order })));
  }

  /** Writes a delivery down. */
  async delivered(id: string, { records, bytes, objects }: Receipt): Promise<void> {
    const by = this.#parts.writer;
    await this.#write([{ event: 'delivered', at: now(), id, records, bytes, by, objects: [...objects] }]);
  }

  /** Writes a failure down. */
  async markFailed(id: string, { code, reason, targets = [], objects }: Failure): Promise<void> {
    await this.#write([
      { event: 'failed', at: now(), id, code, reason, targets: [...targets], objects: [...objects] },
    ]);
  }

  /** Marks failed orders as open again. */
  async reopen(ids: readonly string[]): Promise<void> {
    await this.#write(ids.map((id) => ({ event: 'reopened', at: now(), id })));
  }

  /** Writes down that an order was given up. */
  async markSkipped(id: string, given: Pick<Skip, 'by' | 'reason' | 'records'>): Promise<void> {
    await this.#write([{ event: 'skipped', at: now(), id, ...given }]);
  }

  /**
   * Removes the journal's files all of whose orders were settled longer ago than orders are to be kept.
   *
   * @param isKept tells whether an order must stay because its input is still there
   */
  async forget(isKept: (entry: BookEntry) => boolean, nowMs = Date.now()): Promise<void> {
    await this.#readOn();
    const before = nowMs - this.#parts.retentionDays * DAY_MS;
    for (const file of this.#files) {
      // Something can still be written to the file of this day, by whatever clock.
      if (Date.parse(file.slice(0, 10)) + 2 * DAY_MS > before) continue;
      const of = [...this.#entries.values()].filter((entry) => entry.file === file);
      const isOver = ({ state, updatedAt }: BookEntry): boolean =>
        (state === 'delivered' || state === 'skipped') && Date.parse(updatedAt) < before;
      if (of.every((entry) => isOver(entry) && !isKept(entry))) await this.#journal.remove(file);
    }
    await this.#readOn();
  }

  async #write(events: readonly BookEvent[]): Promise<void> {
    await this.#journal.append(events.map((event) => JSON.stringify(event)));
    await this.#readOn();
  }

  /** Whoever asks while it is being read gets what is read after that: what was written before the question is in it. */
  async #readOn(): Promise<void> {
    if (this.#reading === undefined) {
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
      return this.#reading;
    }
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#readOn();
      });
    return this.#next;
  }

  async #read(): Promise<void> {
    const { lines, files } = await this.#journal.news();
    this.#files = files;
    for (const { file, text } of lines) {
      const event = eventOf(text);
      if (event === undefined)
        this.#parts.log.warn({ file }, 'a line of the order book is broken; it counts for nothing');
      else this.#apply(event, file);
    }
    const there = new Set(files);
    for (const [id, { file, order }] of this.#entries) {
      if (there.has(file)) continue;
      this.#entries.delete(id);
      this.#byInput.delete(`${order.kind}/${order.input}`);
      this.#names.delete(nameOf(order.time, order.rank));
    }
  }

  /** Two discoveries at once can give two orders of the same time the same rank: the later in the journal gets another. */
  #freeRank({ time, rank }: ReportsOrder): number {
    let free = rank;
    while (this.#names.has(nameOf(time, free))) free += 1;
    return free;
  }

  #apply(event: BookEvent, file: string): void {
    if (event.event === 'ordered') {
      const { order } = event;
      if (this.#entries.has(order.id)) return;
      const rank = this.#freeRank(order);
      this.#names.set(nameOf(order.time, rank), order.id);
      this.#entries.set(order.id, entryOf({ ...order, rank }, file));
      this.#byInput.set(`${order.kind}/${order.input}`, order.id);
      return;
    }
    const entry = this.#entries.get(event.id);
    if (entry !== undefined) this.#entries.set(event.id, entryAfter(entry, event));
  }
}

function eventOf(text: string): BookEvent | undefined {
  try {
    return eventSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function fits(
  { order, failure, updatedAt }: BookEntry,
  { source, order: id, group, failedForSeconds }: RetryFilter,
  now: number,
): boolean {
  return (
    (source === undefined || order.source === source) &&
    (id === undefined || order.id === id) &&
    (group === undefined ||
      (failure?.code === group.code && failure.targets.join('\n') === group.targets.join('\n'))) &&
    (failedForSeconds === undefined || Date.parse(updatedAt) <= now - failedForSeconds * 1000)
  );
}

function nameOf(time: string, rank: number): string {
  return `${time}/${String(rank)}`;
}

function now(): string {
  return new Date().toISOString();
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
