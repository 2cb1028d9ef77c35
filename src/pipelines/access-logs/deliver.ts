import type { S3Client } from '@aws-sdk/client-s3';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import { adviceFor, classifyS3Error, isBucketName, MAX_KEY_BYTES } from '../../destinations/s3/errors.js';
import { uploadObject } from '../../destinations/s3/upload.js';
import type { Metrics } from '../../observability/metrics.js';
import { DeliveryError, type TargetFailure } from '../errors.js';
import type { DeliveredObject, DeliveryContext, Receipt } from '../pipeline.js';
import type { BookEntry } from './book-row.js';
import { LogLines } from './fetch.js';
import { keyOptionsOf } from './object-key.js';
import type { AccessLogOrder } from './order.js';
import type { OrderBook } from './order-book.js';
import { planDelivery, type DeliveryPlan, type PlannedObject } from './plan.js';

/** What delivery works with. */
export interface DeliveryParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly book: OrderBook;
  readonly metrics: Metrics;
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

/** ClickHouse has fewer records of an object than an earlier attempt delivered, so it must not be replaced. */
export class ShrunkObjectError extends Error {
  override readonly name = 'ShrunkObjectError';

  /**
   * @param earlier the object as it was delivered
   * @param now what would replace it
   */
  constructor(earlier: DeliveredObject, now: PlannedObject) {
    super(
      `${earlier.key} has been delivered with ${String(earlier.records)} records but ClickHouse counts ` +
        `${String(now.records)} now; it is not replaced (a replica lags behind, or records have reached the end of ` +
        'their retention)',
    );
  }
}

/**
 * Delivers one order: one log object for each target. What the order book says goes before what the job says.
 * A target that fails does not keep the others from being delivered.
 *
 * @throws {DeliveryError} when a target failed; it carries what did arrive
 * @throws {MissingRecordsError} {@link UnknownOrderError} and what ClickHouse's client throws
 */
export async function deliver(
  parts: DeliveryParts,
  job: AccessLogOrder,
  context: DeliveryContext,
): Promise<Receipt> {
  const { settings, clickhouse, tables, metrics } = parts;
  const entry = await parts.book.entry(job);
  if (entry === undefined) throw new UnknownOrderError(job.id);
  if (entry.state === 'delivered' || entry.state === 'skipped') return receiptOf(entry, entry.objects, entry.state);
  const { order } = entry;
  const stopBuild = metrics.buildSeconds.startTimer();
  const plan = await planDelivery(clickhouse, tables, order, keyOptionsOf(settings), context.signal);
  stopBuild();
  if (plan.records < order.records) throw new MissingRecordsError(order.id, order.records, plan.records);
  metrics.buildObjects.inc(plan.objects.length);
  metrics.fetchRecordsPerBucket.observe(plan.records);
  context.report(describePlan(order, plan), 0);
  const objects = await deliverObjects(parts, entry, plan, context);
  observeLag(metrics, plan);
  return receiptOf(entry, objects);
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
      delivered.push(isThere ? earlier : await deliverObject(parts, order, object, context.signal));
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

async function deliverObject(
  { clickhouse, tables, s3, settings, metrics }: DeliveryParts,
  order: AccessLogOrder,
  object: PlannedObject,
  signal: AbortSignal,
): Promise<DeliveredObject> {
  refuseImpossibleTarget(object);
  const lines = new LogLines(clickhouse, tables, order, object, signal, metrics.fetchSeconds.startTimer());
  const stop = metrics.uploadSeconds.startTimer();
  let status = 'failed';
  try {
    await uploadObject(
      s3,
      {
        bucket: object.targetBucket,
        key: object.key,
        contentType: 'text/plain',
        metadata: { 'log-courier-order': order.id, 'log-courier-records': String(object.records) },
      },
      lines,
      {
        partSizeBytes: settings['s3.part-size-bytes'],
        partsInFlight: settings['s3.parts-in-flight'],
        signal,
      },
    );
    status = 'success';
  } finally {
    stop({ status });
    metrics.uploadObjects.inc({ status });
  }
  metrics.fetchRecords.inc(object.records);
  metrics.buildObjectBytes.observe(lines.bytes);
  const { targetBucket: bucket, targetPrefix: prefix, key, records } = object;
  return { bucket, prefix, key, records, bytes: lines.bytes, sha256: lines.sha256() };
}

/** A target that S3 could never accept: no request is made for it. */
class ImpossibleTargetError extends Error {
  override readonly name: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = code;
  }
}

function refuseImpossibleTarget({ targetBucket, key }: PlannedObject): void {
  if (!isBucketName(targetBucket)) {
    throw new ImpossibleTargetError('InvalidBucketName', `${JSON.stringify(targetBucket)} is no bucket name`);
  }
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) {
    const message = `the key would be ${String(bytes)} bytes long, ${String(MAX_KEY_BYTES)} is the most that S3 takes`;
    throw new ImpossibleTargetError('KeyTooLongError', message);
  }
}

function targetFailure(object: PlannedObject, error: unknown): TargetFailure {
  const { code, permanent, message } = classifyS3Error(error);
  const advice = permanent ? ` — ${adviceFor(code)}` : '';
  // The same words for every prefix of a bucket, so that the failures of one cause can be told as one.
  const target = `target bucket ${JSON.stringify(object.targetBucket)}`;
  return { code, permanent, message: `${target}: ${message}${advice}`, cause: error };
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
