import { z } from 'zod';
import { deliveredObjects } from '../../order-entries.js';
import type { DeliveredObject, Delivery, OrderState, Skip } from '../../pipeline.js';
import { storedOrderSchema, type ReportsOrder } from '../order.js';

const at = z.iso.datetime({ precision: 3 });

/** What can happen to an order, as one line of the journal. */
export const eventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ordered'), at, order: storedOrderSchema }),
  z.object({
    event: z.literal('delivered'),
    at,
    id: z.string(),
    records: z.number(),
    bytes: z.number(),
    by: z.string(),
    objects: deliveredObjects,
  }),
  z.object({
    event: z.literal('failed'),
    at,
    id: z.string(),
    code: z.string(),
    reason: z.string(),
    targets: z.array(z.string()),
    objects: deliveredObjects,
  }),
  z.object({ event: z.literal('reopened'), at, id: z.string() }),
  z.object({
    event: z.literal('skipped'),
    at,
    id: z.string(),
    by: z.string(),
    reason: z.string(),
    records: z.number(),
  }),
]);

/** One thing that happened to an order. */
export type BookEvent = z.infer<typeof eventSchema>;

/** Why an order failed last. */
export interface EntryFailure {
  readonly code: string;
  readonly reason: string;
  readonly targets: readonly string[];
  /** When it failed last, ISO 8601. */
  readonly at: string;
  /** When it failed first, however often it was tried since. */
  readonly since: string;
}

/** What the book says of one order. */
export interface BookEntry {
  readonly order: ReportsOrder;
  /** The journal's file that has the order. */
  readonly file: string;
  readonly state: OrderState;
  /** When the state changed last, ISO 8601. */
  readonly updatedAt: string;
  readonly objects: readonly DeliveredObject[];
  readonly delivery: Delivery | undefined;
  readonly failure: EntryFailure | undefined;
  readonly skip: Skip | undefined;
}

/**
 * What an entry becomes by something that happened. The order of the journal's lines is the same for all who read it,
 * so all come to the same end:
 *
 * - a delivery is final: nothing undoes it, and a second one changes nothing
 * - giving up ends all but a delivery
 * - a failure and a reopening undo each other
 */
export function entryAfter(entry: BookEntry, happened: Exclude<BookEvent, { event: 'ordered' }>): BookEntry {
  if (entry.state === 'delivered') return entry;
  const { at: updatedAt } = happened;
  switch (happened.event) {
    case 'delivered': {
      const { records, bytes, by, objects } = happened;
      return {
        ...entry,
        state: 'delivered',
        updatedAt,
        objects,
        delivery: { at: updatedAt, records, bytes, by },
        failure: undefined,
        skip: undefined,
      };
    }
    case 'failed': {
      if (entry.state === 'skipped') return entry;
      const { code, reason, targets, objects } = happened;
      const since = entry.failure?.since ?? updatedAt;
      return {
        ...entry,
        state: 'failed',
        updatedAt,
        objects,
        failure: { code, reason, targets, at: updatedAt, since },
      };
    }
    case 'reopened':
      return entry.state === 'failed' ? { ...entry, state: 'open', updatedAt } : entry;
    case 'skipped': {
      if (entry.state === 'skipped') return entry;
      const { by, reason, records } = happened;
      return { ...entry, state: 'skipped', updatedAt, skip: { by, reason, records, at: updatedAt } };
    }
  }
}

/** A new entry. */
export function entryOf(order: ReportsOrder, file: string): BookEntry {
  return {
    order,
    file,
    state: 'open',
    updatedAt: order.orderedAt,
    objects: [],
    delivery: undefined,
    failure: undefined,
    skip: undefined,
  };
}
