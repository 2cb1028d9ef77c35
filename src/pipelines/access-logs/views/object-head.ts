import type { S3Client } from '@aws-sdk/client-s3';
import { answersAtAll, classifyS3Error } from '../../../destinations/s3/errors.js';
import { readStart } from '../../../destinations/s3/read.js';
import { DestinationError } from '../../errors.js';
import type { WorkOrder } from '../../pipeline.js';
import type { ObjectText } from '../../views.js';
import { orderOfBucket, type TimelineParts } from './timeline.js';

/** Bytes of an object that are read at most. */
const MOST_BYTES = 32 * 1024;

/**
 * The first lines of a log object, as S3 has it now; undefined when the book does not have it.
 *
 * @throws {DestinationError} when S3 does not give it
 */
export async function logObjectHead(
  parts: Pick<TimelineParts, 'clickhouse' | 'tables' | 'sourceTable'> & { readonly s3: S3Client },
  { id, source }: Pick<WorkOrder, 'id' | 'source'>,
  index: number,
  signal?: AbortSignal,
): Promise<ObjectText | undefined> {
  const entry = await orderOfBucket(parts, source, id, signal);
  const object = entry?.objects[index];
  if (object === undefined) return undefined;
  const { bucket, key } = object;
  const start = await readStart(parts.s3, { bucket, key }, MOST_BYTES, signal).catch((cause: unknown) => {
    if (!answersAtAll(cause)) throw cause;
    throw new DestinationError(`for ${key} in ${bucket}: ${classifyS3Error(cause).message}`, { cause });
  });
  const text = start.bytes.toString('utf8');
  const lines = start.isWhole ? text.length : text.lastIndexOf('\n') + 1;
  return { place: bucket, key, text: lines === 0 ? text : text.slice(0, lines), truncated: !start.isWhole };
}
