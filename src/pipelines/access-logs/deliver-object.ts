import type { S3Client } from '@aws-sdk/client-s3';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import { abortUploads } from '../../destinations/s3/abort-uploads.js';
import type { ConditionalWrites } from '../../destinations/s3/conditional-writes.js';
import { classifyS3Error, isBucketName, MAX_KEY_BYTES } from '../../destinations/s3/errors.js';
import { headObject, type ObjectHead } from '../../destinations/s3/object-head.js';
import type { PartBuffers } from '../../destinations/s3/part-buffers.js';
import { uploadObject, type Condition } from '../../destinations/s3/upload.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import { ATTRIBUTE, type Tracing } from '../../observability/tracing.js';
import type { DeliveredObject } from '../pipeline.js';
import type { Claims } from './claims.js';
import { LogLines } from './fetch.js';
import type { ObjectContent } from './object-content.js';
import type { AccessLogOrder } from './order.js';
import type { PlannedObject } from './plan.js';

/** What the delivery of one object works with. */
export interface ObjectParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly conditionalWrites: ConditionalWrites;
  readonly buffers: PartBuffers;
  readonly claims: Claims;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

/** One object of an order that is being delivered. */
export interface ObjectDelivery {
  readonly order: AccessLogOrder;
  readonly object: PlannedObject;
  /** Records of the whole order in this delivery. */
  readonly orderRecords: number;
  readonly signal: AbortSignal;
}

/** ClickHouse has fewer records of an object than S3 or the order book, so it must not be replaced. */
export class ShrunkObjectError extends Error {
  override readonly name = 'ShrunkObjectError';

  /**
   * @param earlier the object as it was delivered
   * @param now what would replace it
   */
  constructor(earlier: Pick<DeliveredObject, 'key' | 'records'>, now: PlannedObject) {
    super(
      `${earlier.key} has been delivered with ${String(earlier.records)} records but ClickHouse counts ` +
        `${String(now.records)} now; it is not replaced (a replica lags behind, or records have reached the end of ` +
        'their retention)',
    );
  }
}

/** Others wrote the same object again and again while it was delivered. */
export class ContestedObjectError extends Error {
  override readonly name = 'ContestedObjectError';

  /** @param key the object's key */
  constructor(key: string, options: ErrorOptions) {
    super(
      `${key} was written by others each time that it was to be delivered; it will be tried again`,
      options,
    );
  }
}

/** Names of the metadata (x-amz-meta-…) of every log object. */
const METADATA = {
  order: 'log-courier-order',
  records: 'log-courier-records',
  /** SHA-256 of the content, hex; only on objects of one part, whose digest is known before the upload begins. */
  sha256: 'log-courier-sha256',
} as const;

/** How often an object is sent when others write it meanwhile. */
const ATTEMPTS = 3;

/**
 * Delivers one object, in such a way that it never replaces one with more records, whoever has written that one and
 * however long this process was paused at any moment:
 *
 * - Where S3 honours conditions, the object must not be there, or must be the very one that was looked at.
 * - A multipart upload is subject to {@link Claims} besides; where S3 honours no conditions, every object is one.
 *
 * An object that is there already with the same content is taken for delivered.
 *
 * @throws {ShrunkObjectError} {@link SupersededError}, {@link ContestedObjectError}, and what ClickHouse's client, the
 * AWS SDK and {@link LogLines} throw
 */
export async function deliverObject(parts: ObjectParts, delivery: ObjectDelivery): Promise<DeliveredObject> {
  const { order, object, orderRecords, signal } = delivery;
  refuseImpossibleTarget(object);
  const hasGrown = orderRecords > order.records;
  let condition: Condition = { IfNoneMatch: '*' };
  if (hasGrown) {
    await parts.claims.claim(order, orderRecords, signal);
    await endOtherUploads(parts, delivery);
    condition = conditionFor(delivery, await lookAt(parts, delivery));
  }
  let conflict: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const content = contentOf(parts, delivery);
    try {
      await (parts.tracing === undefined
        ? send(parts, delivery, content, condition)
        : sendTraced(parts.tracing, parts, delivery, content, condition));
      return delivered(object, content);
    } catch (error) {
      if (!CONFLICTS.has(classifyS3Error(error).code)) throw error;
      conflict = error;
      const there = await lookAt(parts, delivery);
      if (there !== undefined && isTheSame(there, delivery, content)) return delivered(object, content);
      condition = conditionFor(delivery, there);
    }
  }
  throw new ContestedObjectError(object.key, { cause: conflict });
}

/** S3's words for: somebody else was here. */
const CONFLICTS = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchUpload']);

/** What the object is to hold: what has been fetched with the plan, else the lines as ClickHouse sends them now. */
function contentOf(
  { clickhouse, tables, metrics, tracing }: ObjectParts,
  { order, object, signal }: ObjectDelivery,
): ObjectContent {
  if (object.content !== undefined) return object.content;
  const stop = metrics.fetchSeconds.startTimer();
  const end = tracing?.begin('fetch', { [ATTRIBUTE.order]: order.id, [ATTRIBUTE.key]: object.key });
  const onAnswer =
    end === undefined
      ? stop
      : (): void => {
          stop();
          end();
        };
  return new LogLines(clickhouse, tables, order, object, signal, onAnswer);
}

async function lookAt(
  { s3 }: ObjectParts,
  { object, signal }: ObjectDelivery,
): Promise<ObjectHead | undefined> {
  return headObject(s3, object.targetBucket, object.key, signal);
}

/**
 * Aborts the uploads of the key that others have begun. A server that cannot do that, or does not let us, is no reason
 * to keep records from their owner: the order is delivered all the same, and the log says what is missing.
 */
async function endOtherUploads(
  { s3, log }: ObjectParts,
  { order, object: { targetBucket, key }, signal }: ObjectDelivery,
): Promise<void> {
  try {
    await abortUploads(s3, targetBucket, key, signal);
  } catch (err) {
    const { code } = classifyS3Error(err);
    if (!CANNOT_ABORT.has(code)) throw err;
    log.warn(
      { err, order: order.id, bucket: targetBucket },
      'uploads in progress cannot be listed and aborted (s3:ListBucketMultipartUploads, s3:AbortMultipartUpload); ' +
        'a processor that was presumed dead may replace this object by an earlier one',
    );
  }
}

const CANNOT_ABORT = new Set(['AccessDenied', 'NotImplemented', 'MethodNotAllowed']);

/** The condition under which the object may be written, given what is there. */
function conditionFor({ object, order }: ObjectDelivery, there: ObjectHead | undefined): Condition {
  if (there === undefined) return { IfNoneMatch: '*' };
  const records = recordsOf(there, order);
  if (records > object.records) throw new ShrunkObjectError({ key: object.key, records }, object);
  return { IfMatch: there.etag };
}

/** How many records an object has by its own word; 0 when it is not of this order. */
function recordsOf({ metadata }: ObjectHead, order: AccessLogOrder): number {
  if (metadata[METADATA.order] !== order.id) return 0;
  const records = Number(metadata[METADATA.records]);
  return Number.isSafeInteger(records) ? records : 0;
}

/** Tells whether an object is the one that was sent just now; its content has been read to its end. */
function isTheSame(there: ObjectHead, { order, object }: ObjectDelivery, content: ObjectContent): boolean {
  const digest = there.metadata[METADATA.sha256];
  return (
    recordsOf(there, order) === object.records &&
    content.isWhole &&
    there.bytes === content.bytes &&
    (digest === undefined || digest === content.sha256)
  );
}

/** {@link send} within a span. */
function sendTraced(tracing: Tracing, ...all: Parameters<typeof send>): Promise<void> {
  const [, { order, object }, content] = all;
  const about = {
    [ATTRIBUTE.order]: order.id,
    [ATTRIBUTE.target]: object.targetBucket,
    [ATTRIBUTE.key]: object.key,
    [ATTRIBUTE.records]: object.records,
  };
  return tracing.during(
    'upload',
    about,
    () => send(...all),
    () => ({ [ATTRIBUTE.bytes]: content.bytes }),
  );
}

async function send(
  parts: ObjectParts,
  { order, object, orderRecords, signal }: ObjectDelivery,
  content: ObjectContent,
  condition: Condition,
): Promise<void> {
  const { s3, settings, buffers, claims, conditionalWrites, metrics } = parts;
  const { targetBucket: bucket, key, records } = object;
  const stop = metrics.uploadSeconds.startTimer();
  let status = 'failed';
  try {
    await uploadObject(
      s3,
      {
        bucket,
        key,
        contentType: 'text/plain',
        metadata: { [METADATA.order]: order.id, [METADATA.records]: String(records) },
      },
      content,
      {
        buffers,
        partsInFlight: settings['s3.parts-in-flight'],
        partChecksums: settings['s3.part-checksums'],
        singlePut: conditionalWrites.honoured,
        ...(conditionalWrites.honoured ? { condition } : {}),
        wholeMetadata: () => ({ [METADATA.sha256]: content.sha256 }),
        wholeSha256: () => content.sha256,
        afterWhole: (whole) => conditionalWrites.learn(bucket, key, whole, signal),
        beforeCompletion: () => claims.check(order, orderRecords, signal),
        signal,
      },
    );
    status = 'success';
  } finally {
    stop({ status });
    metrics.uploadObjects.inc({ status });
  }
}

function delivered(object: PlannedObject, { bytes, sha256 }: ObjectContent): DeliveredObject {
  const { targetBucket: bucket, targetPrefix: prefix, key, records } = object;
  return { bucket, prefix, key, records, bytes, sha256 };
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
