import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { readableBody } from '../../destinations/s3/read.js';
import { classifyS3Error } from '../../destinations/s3/errors.js';
import { auditBook, type AuditParts, type BookAudit } from './audit.js';
import { logLineExpression } from './log-line-sql.js';
import { ELIGIBLE_SQL, orderParameters, orderSql, type Boundaries } from './order.js';
import { compareMultisets, RecordMultiset } from './record-multiset.js';

/** What a deep audit reads: the objects too. */
export interface DeepAuditParts extends AuditParts {
  readonly s3: S3Client;
}

/** Source bucket and request id of a log line: its second and its seventh field. */
const IDENTITY = /^[^ ]* ([^ ]*) \[[^\]]*\] [^ ]* [^ ]* ([^ ]*) /;
/** The end of every log object's key: the time, and 16 hex digits. */
const LOG_OBJECT_KEY = /\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$/;

/**
 * Reads every log object under every target that the records name, and compares the request ids in them with those in
 * ClickHouse: each must be there once. Ids of records that need not be delivered yet may be missing; ids that
 * ClickHouse does not have (any more) are passed over. Nothing that the order book says is taken for granted but
 * which records are not due yet.
 *
 * Memory: 8 bytes for each record and line.
 */
export async function auditDeeply(parts: DeepAuditParts, signal?: AbortSignal): Promise<BookAudit> {
  const byBook = await auditBook(parts, signal);
  const expected = await recordsIn(parts, ELIGIBLE_SQL, {}, signal);
  const notDue = new RecordMultiset();
  for (const range of byBook.pending) await addRange(parts, range, notDue, signal);
  const others = new RecordMultiset();
  for (const range of byBook.before) await addRange(parts, range, others, signal);
  const found = new RecordMultiset();
  const objects = await readObjects(parts, found, signal);
  const all = compareMultisets(expected, found);
  const open = compareMultisets(notDue, found);
  const another = compareMultisets(others, found);
  return {
    ...byBook,
    records: expected.size - others.size,
    delivered: all.common - another.common,
    missing: Math.max(0, all.missing - open.missing - another.missing),
    duplicated: all.surplus,
    objects,
  };
}

async function addRange(
  parts: AuditParts,
  range: Boundaries,
  into: RecordMultiset,
  signal?: AbortSignal,
): Promise<void> {
  await recordsIn(parts, orderSql(), orderParameters(range), signal, into);
}

/** The identities of the records that a condition holds for, as they stand in their log lines. */
async function recordsIn(
  { clickhouse, tables }: AuditParts,
  condition: string,
  parameters: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
  into = new RecordMultiset(),
): Promise<RecordMultiset> {
  const end = 'end of answer';
  const sql = `SELECT ${logLineExpression()} AS line FROM ${tables.logs} WHERE ${condition} FORMAT TSVRaw`;
  const options = {
    doing: 'read the records to audit',
    parameters,
    ...(signal === undefined ? {} : { signal }),
  };
  const counted = await clickhouse.query(
    z.object({ records: z.number() }),
    `SELECT count() AS records FROM ${tables.logs} WHERE ${condition}`,
    options,
  );
  const before = into.size;
  await addIdentities(await clickhouse.stream(sql, options), into);
  const read = into.size - before;
  const records = counted[0]?.records ?? 0;
  if (read < records)
    throw new Error(
      `audit: ${String(records)} records are counted but ${String(read)} came (${end}); try again`,
    );
  return into;
}

/** Adds the lines of every log object there is, each object once. Answers the number of objects. */
async function readObjects(
  parts: DeepAuditParts,
  found: RecordMultiset,
  signal?: AbortSignal,
): Promise<number> {
  const { s3 } = parts;
  const abort = signal === undefined ? {} : { abortSignal: signal };
  let objects = 0;
  for (const [bucket, prefixes] of await targets(parts, signal)) {
    const seen = new Set<string>();
    for (const prefix of prefixes) {
      for await (const key of keysUnder(s3, bucket, prefix, signal)) {
        if (seen.has(key) || !LOG_OBJECT_KEY.test(key)) continue;
        seen.add(key);
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), abort);
        await addIdentities(readableBody(Body), found);
        objects += 1;
      }
    }
  }
  return objects;
}

/** Prefixes of each target bucket that the retained records name. */
async function targets(
  { clickhouse, tables }: AuditParts,
  signal?: AbortSignal,
): Promise<Map<string, string[]>> {
  const rows = await clickhouse.query(
    z.object({ bucket: z.string(), prefixes: z.array(z.string()) }),
    `SELECT loggingTargetBucket AS bucket, groupUniqArray(loggingTargetPrefix) AS prefixes
     FROM ${tables.logs} WHERE ${ELIGIBLE_SQL} GROUP BY bucket ORDER BY bucket`,
    { doing: 'find the targets to audit', ...(signal === undefined ? {} : { signal }) },
  );
  return new Map(rows.map(({ bucket, prefixes }) => [bucket, prefixes]));
}

/** A bucket that does not exist holds nothing. */
async function* keysUnder(
  s3: S3Client,
  bucket: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  try {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
      signal?.throwIfAborted();
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
    }
  } catch (error) {
    const { code } = classifyS3Error(error);
    if (code !== 'NoSuchBucket' && code !== 'InvalidBucketName') throw error;
  }
}

async function addIdentities(lines: Readable, into: RecordMultiset): Promise<void> {
  for await (const line of createInterface({ input: lines, crlfDelay: Infinity })) {
    const identity = IDENTITY.exec(line);
    if (identity !== null) into.add(`${identity[1] ?? ''} ${identity[2] ?? ''}`);
  }
}
