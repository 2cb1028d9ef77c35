import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { ClickHouse } from '../../../src/clickhouse/client.js';
import type { Tables } from '../../../src/clickhouse/tables.js';
import { readableBody } from '../../../src/destinations/s3/read.js';
import { listObjects } from '../watch/object-history.js';

/** What the proof reads. */
export interface ProofParts {
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly tables: Tables;
}

/** What ClickHouse and S3 say, compared without any code of the product. */
export interface Proof {
  /** Records that must be in S3, each at the place that it names. */
  readonly records: number;
  readonly delivered: number;
  readonly missing: number;
  readonly duplicated: number;
  /** Lines in S3 that no record stands for. */
  readonly unknown: number;
  readonly objects: number;
  readonly bytes: number;
  /** Keys of objects that the order book does not name as delivered. */
  readonly outsideTheBook: readonly string[];
  /** Keys of objects whose content is not the one of the receipt, and of those that are not there. */
  readonly unlikeTheBook: readonly string[];
  /** Some of the records in question, for the evidence. */
  readonly examples: readonly string[];
}

const EXAMPLES = 200;
/** `YYYY-MM-DD-hh-mm-ss-` and 16 hex digits, at the end of every key. */
const KEY_TAIL = 36;
/** The second and the seventh field of a log line: source bucket and request id. */
const LINE = /^\S+ (\S+) \[[^\]]*\] \S+ \S+ (\S+) /;

/**
 * Proves that each eligible record is in S3 exactly once, in its target bucket and under its target prefix: the two
 * multisets of request ids must be equal.
 */
export async function prove(parts: ProofParts): Promise<Proof> {
  const balance = new Map<string, number>();
  const add = (id: string, by: number): void => {
    balance.set(id, (balance.get(id) ?? 0) + by);
  };
  const records = await readRecords(parts, (id) => {
    add(id, 1);
  });
  const expected = new Set(balance.keys());
  const book = await readBook(parts);
  const outsideTheBook: string[] = [];
  const unlikeTheBook: string[] = [];
  let [lines, objects, bytes] = [0, 0, 0];
  for await (const { bucket, key } of listObjects(parts.s3)) {
    const { Body } = await parts.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const place = `${bucket}/${key.slice(0, -KEY_TAIL)}`;
    const read = await readObject(readableBody(Body), (id) => {
      add(`${place} ${id}`, -1);
      lines += 1;
    });
    objects += 1;
    bytes += read.bytes;
    const receipt = book.get(`${bucket}/${key}`);
    if (receipt === undefined) outsideTheBook.push(`${bucket}/${key}`);
    else if (receipt !== read.sha256) unlikeTheBook.push(`${bucket}/${key}`);
    book.delete(`${bucket}/${key}`);
  }
  unlikeTheBook.push(...book.keys());
  return {
    records,
    ...tally(balance, expected, lines),
    objects,
    bytes,
    outsideTheBook,
    unlikeTheBook,
  };
}

function tally(
  balance: ReadonlyMap<string, number>,
  expected: ReadonlySet<string>,
  lines: number,
): Pick<Proof, 'delivered' | 'missing' | 'duplicated' | 'unknown' | 'examples'> {
  let [missing, duplicated, unknown] = [0, 0, 0];
  const examples: string[] = [];
  for (const [id, left] of balance) {
    if (left === 0) continue;
    if (left > 0) missing += left;
    else if (expected.has(id)) duplicated -= left;
    else unknown -= left;
    const what = left > 0 ? 'missing' : expected.has(id) ? 'duplicated' : 'unknown';
    if (examples.length < EXAMPLES) examples.push(`${what}: ${id}`);
  }
  return { delivered: lines - duplicated - unknown, missing, duplicated, unknown, examples };
}

/** Every record that must be delivered, as `target bucket/prefix source-bucket request-id`. */
async function readRecords({ clickhouse, tables }: ProofParts, found: (id: string) => void): Promise<number> {
  const condition = `FROM ${tables.logs} WHERE loggingEnabled AND loggingTargetBucket != ''`;
  const [counted] = await clickhouse.query(z.object({ n: z.number() }), `SELECT count() AS n ${condition}`, {
    doing: 'count what must be delivered',
  });
  const answer = await clickhouse.stream(
    `SELECT concat(loggingTargetBucket, '/', loggingTargetPrefix, ' ', bucketName, ' ', req_id) ${condition} FORMAT TSVRaw`,
    { doing: 'read what must be delivered' },
  );
  let read = 0;
  for await (const line of createInterface({ input: answer })) {
    read += 1;
    found(line);
  }
  if (read !== counted?.n)
    throw new Error(`${String(counted?.n)} records are counted, but ${String(read)} were read`);
  return read;
}

/** SHA-256 of each object of a delivered order, by bucket and key. */
async function readBook({ clickhouse, tables }: ProofParts): Promise<Map<string, string>> {
  const rows = await clickhouse.query(
    z.object({ name: z.string(), sha256: z.string() }),
    `SELECT concat(o.1, '/', o.2) AS name, o.5 AS sha256
     FROM (SELECT arrayJoin(objects) AS o FROM ${tables.workOrders} FINAL WHERE state = 'delivered')`,
    { doing: 'read the receipts' },
  );
  return new Map(rows.map(({ name, sha256 }) => [name, sha256]));
}

async function readObject(
  body: Readable,
  found: (id: string) => void,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const digest = createHash('sha256');
  let bytes = 0;
  body.on('data', (chunk: Buffer) => {
    digest.update(chunk);
    bytes += chunk.byteLength;
  });
  for await (const line of createInterface({ input: body, crlfDelay: Infinity })) {
    const fields = LINE.exec(line);
    found(fields === null ? `unreadable line ${line.slice(0, 80)}` : `${fields[1] ?? ''} ${fields[2] ?? ''}`);
  }
  return { bytes, sha256: digest.digest('hex') };
}
