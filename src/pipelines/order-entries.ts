import { z } from 'zod';
import type { DeliveredObject, FailedOrder, OrderState, Skip, WorkOrder } from './pipeline.js';
import type { TimelineOrder } from './views.js';

/** What order books that stand beside a source say of an order, whatever its pipeline. */
export interface OrderEntry<Order extends WorkOrder = WorkOrder> {
  readonly order: Order;
  readonly state: OrderState;
  /** When its state changed last, ISO 8601. */
  readonly updatedAt: string;
  readonly deliveredRecords: number;
  /** Empty when it never failed, or was delivered since. */
  readonly failureCode: string;
  readonly failureReason: string;
  readonly skip?: Skip | undefined;
  readonly objects: readonly DeliveredObject[];
}

/** An order for the timeline of its source. */
export function timelineOrder(entry: OrderEntry<WorkOrder & { readonly orderedAt: string }>): TimelineOrder {
  const { order, state, updatedAt, deliveredRecords, failureCode, failureReason, skip, objects } = entry;
  return {
    id: order.id,
    state,
    orderedAt: order.orderedAt,
    updatedAt,
    records: order.records,
    deliveredRecords,
    oldestAt: order.oldestAt,
    failure: failureCode === '' ? null : { code: failureCode, reason: failureReason },
    skip: skip ?? null,
    objects,
  };
}

/** An order that failed, for `status`, `retry` and the pages. */
export function failedOrder<Order extends WorkOrder>(
  entry: Pick<OrderEntry<Order>, 'order' | 'failureCode' | 'failureReason' | 'updatedAt'>,
): FailedOrder<Order> {
  const { order, failureCode: code, failureReason: reason, updatedAt: failedAt } = entry;
  return { order, code, reason, failedAt };
}

/** Objects as order books keep them in JSON. */
export const deliveredObjects: z.ZodType<readonly DeliveredObject[]> = z.array(
  z.object({
    bucket: z.string(),
    prefix: z.string(),
    key: z.string(),
    records: z.number(),
    bytes: z.number(),
    sha256: z.string(),
  }),
);
