import type { Settings } from '../../config/settings.js';
import { adviceFor, classifyS3Error } from '../../destinations/s3/errors.js';
import type { Metrics } from '../../observability/metrics.js';
import { ATTRIBUTE } from '../../observability/tracing.js';
import { DeliveryError, type TargetFailure } from '../errors.js';
import type { DeliveredObject, DeliveryContext, Receipt } from '../pipeline.js';
import type { BookEntry } from './book-row.js';
import { deliverObject, ShrunkObjectError, type ObjectDelivery, type ObjectParts } from './deliver-object.js';
import { keyOptionsOf } from './object-key.js';
import type { AccessLogOrder } from './order.js';
import type { OrderBook } from './order-book.js';
import { planDelivery, type DeliveryPlan, type PlannedObject } from './plan.js';
import { isSmallOrder } from './small-order.js';
import type { SmallOrders } from './small-orders.js';

/** What delivery works with. */
export interface DeliveryParts extends ObjectParts {
  readonly book: OrderBook;
  readonly smallOrders: SmallOrders;
}

/** The order book does not know an order: it was never written there, or it is older than the book's retention. */
export class UnknownOrderError extends Error {
  override readonly name = 'UnknownOrderError';

  /** @param id the order's id */
  constructor(id: string) {
    super(
      `work order ${id} is not in the order book; remove its job, its records will be ordered again if need be`,
    );
  }
}

/** ClickHouse has fewer records of an order than when the order was made. */
export class MissingRecordsError extends Error {
  override readonly name = 'MissingRecordsError';

  /**
   * @param id the order's id
   * @param ordered records counted when the order was made
   * @param counted records counted now
   */
  constructor(id: string, ordered: number, counted: number) {
    super(
      `work order ${id}: ${String(ordered)} records were ordered but ClickHouse counts ${String(counted)} now; ` +
        'nothing is delivered (a replica lags behind, or records have reached the end of their retention)',
    );
  }
}

/**
 * Delivers one order: one log object for each target. What the order book says goes before what the job says.
 * A target that fails does not keep the others from being delivered. An order that was delivered before is delivered
 * again, to the same keys, when ClickHouse counts more records by now.
 *
 * @throws {DeliveryError} when a target failed; it carries what did arrive
 * @throws {MissingRecordsError} {@link UnknownOrderError} and what ClickHouse's client throws
 */
export async function deliver(
  parts: DeliveryParts,
  job: AccessLogOrder,
  context: DeliveryContext,
): Promise<Receipt> {
  const { settings, metrics } = parts;
  const entry = await parts.book.entry(job, context.signal);
  if (entry === undefined) throw new UnknownOrderError(job.id);
  if (entry.state === 'skipped') return receiptOf(entry, entry.objects, 'skipped');
  const { order } = entry;
  const stopBuild = metrics.buildSeconds.startTimer();
  const plan = await planTraced(parts, order, context.signal);
  stopBuild();
  if (entry.state === 'delivered' && !isWorthRepeating(settings, entry, plan))
    return receiptOf(entry, entry.objects, 'delivered');
  if (plan.records < order.records) throw new MissingRecordsError(order.id, order.records, plan.records);
  metrics.buildObjects.inc(plan.objects.length);
  metrics.fetchRecordsPerBucket.observe(plan.records);
  context.report(describePlan(order, plan), 0);
  const deliverAll = (): Promise<readonly DeliveredObject[]> => deliverObjects(parts, entry, plan, context);
  const objects = await inTurn(parts.smallOrders, order, plan, deliverAll);
  observeLag(metrics, plan);
  return receiptOf(entry, objects);
}

/** Delivers an order at once when it is large: of these there are no more than workers. */
async function inTurn<Result>(
  smallOrders: SmallOrders,
  order: AccessLogOrder,
  { objects }: DeliveryPlan,
  deliverAll: () => Promise<Result>,
): Promise<Result> {
  if (!isSmallOrder(order)) return deliverAll();
  const isFetched = objects.every(({ content }) => content !== undefined);
  return isFetched ? smallOrders.fetched(deliverAll) : smallOrders.alone(deliverAll);
}

/** Plans an order: together with others, and with what its objects are to hold, when it is small. */
async function planOrder(
  { settings, clickhouse, tables, smallOrders }: DeliveryParts,
  order: AccessLogOrder,
  signal: AbortSignal,
): Promise<DeliveryPlan> {
  const plan = await smallOrders.fetch(order, signal);
  return plan ?? planDelivery(clickhouse, tables, order, keyOptionsOf(settings), signal);
}

/** The same within a span: of a small order the content is fetched with it. */
function planTraced(parts: DeliveryParts, order: AccessLogOrder, signal: AbortSignal): Promise<DeliveryPlan> {
  if (parts.tracing === undefined) return planOrder(parts, order, signal);
  return parts.tracing.during(
    'count',
    { [ATTRIBUTE.order]: order.id },
    () => planOrder(parts, order, signal),
    ({ records, objects }) => ({
      [ATTRIBUTE.records]: records,
      'log_courier.fetched': objects.some(({ content }) => content !== undefined),
    }),
  );
}

/** Clocks of processes and of ClickHouse may differ by this much, in ms. */
const CLOCK_DIFFERENCE_MS = 300_000;

/**
 * A delivered order is delivered again only when late records have joined it, and when none of the others can have
 * reached the end of their retention meanwhile: the object would lack them.
 */
function isWorthRepeating(
  settings: Settings,
  { order, deliveredRecords }: BookEntry,
  { records }: DeliveryPlan,
): boolean {
  const kept = Date.parse(order.oldestAt) + settings['retention.record-hours'] * 3_600_000;
  const latest = Date.now() + settings['timeout.upload-operation-seconds'] * 1000 + CLOCK_DIFFERENCE_MS;
  return records > deliveredRecords && latest < kept;
}

async function deliverObjects(
  parts: DeliveryParts,
  { order, objects: arrived }: BookEntry,
  plan: DeliveryPlan,
  context: DeliveryContext,
): Promise<readonly DeliveredObject[]> {
  const delivered: DeliveredObject[] = [];
  const failures: TargetFailure[] = [];
  for (const object of plan.objects) {
    context.signal.throwIfAborted();
    const earlier = arrived.find((one) => one.bucket === object.targetBucket && one.key === object.key);
    const isThere = earlier?.records === object.records;
    try {
      if (earlier !== undefined && earlier.records > object.records)
        throw new ShrunkObjectError(earlier, object);
      delivered.push(
        isThere
          ? earlier
          : await deliverAndCount(parts, {
              order,
              object,
              orderRecords: plan.records,
              signal: context.signal,
            }),
      );
      context.report(
        `${isThere ? 'an earlier attempt delivered' : 'delivered'} s3://${object.targetBucket}/${object.key}: ${String(object.records)} records`,
        (100 * delivered.length) / plan.objects.length,
      );
    } catch (error) {
      context.signal.throwIfAborted();
      const failure = targetFailure(object, error);
      failures.push(failure);
      context.report(failure.message, (100 * delivered.length) / plan.objects.length);
    }
  }
  if (failures.length > 0) throw new DeliveryError(failures, delivered);
  return delivered;
}

async function deliverAndCount(parts: ObjectParts, delivery: ObjectDelivery): Promise<DeliveredObject> {
  const object = await deliverObject(parts, delivery);
  parts.metrics.fetchRecords.inc(object.records);
  parts.metrics.buildObjectBytes.observe(object.bytes);
  return object;
}

function targetFailure(object: PlannedObject, error: unknown): TargetFailure {
  const { code, permanent, message } = classifyS3Error(error);
  const advice = permanent ? ` — ${adviceFor(code)}` : '';
  // The same words for every prefix of a bucket, so that the failures of one cause can be told as one.
  const target = `target bucket ${JSON.stringify(object.targetBucket)}`;
  return {
    target: object.targetBucket,
    code,
    permanent,
    message: `${target}: ${message}${advice}`,
    cause: error,
  };
}

function receiptOf(
  { deliveries }: BookEntry,
  objects: readonly DeliveredObject[],
  already?: 'delivered' | 'skipped',
): Receipt {
  return {
    objects,
    records: objects.reduce((sum, object) => sum + object.records, 0),
    bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
    earlier: deliveries,
    ...(already === undefined ? {} : { already }),
  };
}

function describePlan(order: AccessLogOrder, { records, objects }: DeliveryPlan): string {
  const late = records > order.records ? `, ${String(records - order.records)} of them late` : '';
  return `bucket ${order.bucket}: ${String(records)} records${late} into ${String(objects.length)} object(s)`;
}

function observeLag(metrics: Metrics, { oldestStartTime }: DeliveryPlan): void {
  if (oldestStartTime !== null) metrics.lagSeconds.observe((Date.now() - Date.parse(oldestStartTime)) / 1000);
}
