import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ClickHouse, Parameters } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Chain, ManifestBook } from '../manifest-writer.js';
import {
  coveredTo,
  parseManifest,
  type ManifestLink,
  type ManifestObject,
  type ManifestTarget,
  type WrittenManifest,
} from '../manifest.js';
import { CONSISTENT } from './consistent.js';
import { ACCESS_LOGS } from './order.js';
import type { OrderBook } from './order-book.js';

/**
 * How long before the last known delivery of a target others are looked for: rows of the order book bear the time of
 * the process that delivered, and one may be written long after the delivery it tells of. Hours.
 */
const LOOK_BACK_HOURS = 24;
/** So long after its time a manifest is looked for in S3 by every run, though nothing was delivered since. Hours. */
const RECENT_HOURS = 48;

/** Rows that are manifests, of chains with the key prefix in force. */
const MANIFESTS = "keyPrefix = {keyPrefix:String} AND proposal = ''";
/** Rows that are manifests of one target. */
const OF_TARGET = `targetBucket = {bucket:String} AND targetPrefix = {prefix:String} AND ${MANIFESTS}`;

const headRow = z.object({
  bucket: z.string(),
  prefix: z.string(),
  sequence: z.number(),
  key: z.string(),
  sha256: z.string(),
  coveredMs: z.number(),
  isRecent: z.number(),
});
const activeRow = z.object({ bucket: z.string(), prefix: z.string(), lastMs: z.number() });
const pendingRow = z.object({
  key: z.string(),
  records: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  orderId: z.string(),
  source: z.string(),
  deliveredMs: z.number(),
  replaced: z.string(),
});
const writtenRow = z.object({
  sequence: z.number(),
  key: z.string(),
  sha256: z.string(),
  content: z.string(),
});

/** The manifests of the access logs: a ClickHouse table beside the order book, which knows what was delivered. */
export class ManifestTable implements ManifestBook {
  readonly pipeline = ACCESS_LOGS;
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #book: OrderBook;
  readonly #keyPrefix: string;

  /** @param keyPrefix `manifest.key-prefix` */
  constructor(clickhouse: ClickHouse, tables: Tables, book: OrderBook, keyPrefix: string) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#book = book;
    this.#keyPrefix = keyPrefix;
  }

  /** ClickHouse's clock, in ms. */
  async now(): Promise<number> {
    return this.#book.now();
  }

  /** Targets that may need a manifest, and those whose last one is recent. */
  async chains(signal: AbortSignal): Promise<readonly Chain[]> {
    const heads = await this.#heads('true', {}, signal);
    const active = await this.#clickhouse.query(
      activeRow,
      `SELECT object.1 AS bucket, prefix, max(toUnixTimestamp64Milli(updatedAt)) AS lastMs
       FROM ${this.#tables.workOrders}
       ARRAY JOIN objects AS object, arrayResize(objectPrefixes, length(objects)) AS prefix
       WHERE state = 'delivered' AND length(objectPrefixes) = length(objects)
       GROUP BY bucket, prefix ORDER BY bucket, prefix`,
      { doing: 'find the targets that were delivered to', settings: CONSISTENT, signal },
    );
    const known = new Map(heads.map((head) => [keyOf(head), head]));
    const chains: Chain[] = [];
    for (const { bucket, prefix, lastMs } of active) {
      const head = known.get(keyOf({ bucket, prefix }));
      const from = head === undefined ? -Infinity : head.coveredMs - LOOK_BACK_HOURS * 3_600_000;
      if (lastMs >= from) chains.push({ bucket, prefix, head: linkOf(head), hasDeliveries: true });
      if (lastMs >= from) known.delete(keyOf({ bucket, prefix }));
    }
    for (const head of known.values()) {
      const { bucket, prefix, isRecent } = head;
      if (isRecent === 1) chains.push({ bucket, prefix, head: linkOf(head), hasDeliveries: false });
    }
    return chains;
  }

  /** The bytes of a manifest. */
  async content(target: ManifestTarget, sequence: number, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#written(target, sequence, signal))?.content;
  }

  /**
   * Delivered objects that no manifest has with the same digest. Those of orders that were delivered before the order
   * book knew prefixes are left out.
   */
  async pending(
    target: ManifestTarget,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly ManifestObject[]> {
    const { workOrders, workOrdersLocal, manifests } = this.#tables;
    const coveredMs = (await this.#head(target, signal))?.coveredMs ?? 0;
    const rows = await this.#clickhouse.query(
      pendingRow,
      `SELECT delivered.key AS key, delivered.records AS records, delivered.bytes AS bytes,
         delivered.sha256 AS sha256, delivered.orderId AS orderId, delivered.source AS source,
         toUnixTimestamp64Milli(delivered.deliveredAt) AS deliveredMs, listed.sha256 AS replaced
       FROM (
         SELECT object.2 AS key, object.3 AS records, object.4 AS bytes, object.5 AS sha256,
           orderId, bucketName AS source, updatedAt AS deliveredAt
         FROM (
           SELECT * FROM ${workOrders} FINAL
           WHERE (raftSessionID, bucketName, orderId) IN (
             SELECT raftSessionID, bucketName, orderId FROM ${workOrdersLocal}
             WHERE state = 'delivered' AND updatedAt >= fromUnixTimestamp64Milli({sinceMs:Int64})
               AND has(objectPrefixes, {prefix:String})
           )
         )
         ARRAY JOIN objects AS object, arrayResize(objectPrefixes, length(objects)) AS objectPrefix
         WHERE state = 'delivered' AND length(objectPrefixes) = length(objects)
           AND object.1 = {bucket:String} AND objectPrefix = {prefix:String}
       ) AS delivered
       LEFT JOIN (
         SELECT entry.1 AS key, argMax(entry.2, sequence) AS sha256
         FROM ${manifests} ARRAY JOIN objects AS entry WHERE ${OF_TARGET} GROUP BY key
       ) AS listed ON listed.key = delivered.key
       WHERE delivered.sha256 != listed.sha256
       ORDER BY deliveredMs, key LIMIT {limit:UInt32}`,
      {
        doing: 'find what is in no manifest yet',
        parameters: { ...this.#of(target), limit, sinceMs: coveredMs - LOOK_BACK_HOURS * 3_600_000 },
        settings: CONSISTENT,
        signal,
      },
    );
    return rows.map(({ key, records, bytes, sha256, orderId, source, deliveredMs, replaced }) => ({
      key,
      records,
      bytes,
      sha256,
      order: orderId,
      source,
      deliveredAt: new Date(deliveredMs).toISOString(),
      ...(replaced === '' ? {} : { replaces: replaced }),
    }));
  }

  /**
   * Writes a manifest down as a proposal, which counts for nothing, and then turns it into a manifest with one
   * statement, unless the sequence or a later one is taken or the deadline has passed. Of two such statements that run
   * at the same moment ClickHouse keeps the first by their deduplication token.
   */
  async append(
    target: ManifestTarget,
    manifest: WrittenManifest,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<WrittenManifest | undefined> {
    const proposal = randomUUID();
    const { manifests, manifestsLocal } = this.#tables;
    await this.#insert(this.#rowOf(target, manifest, proposal), 'propose a manifest', signal);
    await this.#clickhouse.command(
      `INSERT INTO ${manifests}
       SELECT p.* REPLACE ('' AS proposal) FROM ${manifests} AS p
       WHERE p.targetBucket = {bucket:String} AND p.targetPrefix = {prefix:String}
         AND p.keyPrefix = {keyPrefix:String} AND p.sequence = {sequence:UInt64} AND p.proposal = {proposal:String}
         AND (p.targetBucket, p.targetPrefix) NOT IN (
           SELECT targetBucket, targetPrefix FROM ${manifestsLocal}
           WHERE ${OF_TARGET} AND sequence >= {sequence:UInt64}
         )
         AND now64(3) < fromUnixTimestamp64Milli({deadlineMs:Int64})
       LIMIT 1`,
      {
        doing: 'write a manifest down',
        parameters: { ...this.#of(target), sequence: manifest.sequence, proposal, deadlineMs },
        settings: { ...CONSISTENT, ...onlyOnce(target, manifest.key) },
        signal,
      },
    );
    return this.#written(target, manifest.sequence, signal);
  }

  /** Writes down a manifest that was found in S3; to do so again does no harm. */
  async adopt(target: ManifestTarget, manifest: WrittenManifest, signal: AbortSignal): Promise<void> {
    await this.#insert(this.#rowOf(target, manifest, ''), 'take a manifest over from S3', signal);
  }

  /** Values for {@link OF_TARGET}. */
  #of({ bucket, prefix }: ManifestTarget): Parameters {
    return { bucket, prefix, keyPrefix: this.#keyPrefix };
  }

  #rowOf(
    { bucket, prefix }: ManifestTarget,
    { sequence, key, sha256, content }: WrittenManifest,
    proposal: string,
  ): object {
    const manifest = parseManifest(content);
    if (manifest === undefined) throw new TypeError(`${key} is no manifest`);
    return {
      targetBucket: bucket,
      targetPrefix: prefix,
      keyPrefix: this.#keyPrefix,
      sequence,
      proposal,
      objectKey: key,
      sha256,
      content,
      objects: manifest.objects.map((object) => ({ key: object.key, sha256: object.sha256 })),
      coveredTo: coveredTo(manifest),
      createdAt: manifest.createdAt,
    };
  }

  async #insert(row: object, doing: string, signal: AbortSignal): Promise<void> {
    // ClickHouse would pass over a row that it has had before, also when it has lost it since.
    const settings = { ...CONSISTENT, insert_deduplicate: 0 } as const;
    await this.#clickhouse.insert(this.#tables.manifests, [row], { doing, settings, signal });
  }

  async #written(
    target: ManifestTarget,
    sequence: number,
    signal: AbortSignal,
  ): Promise<WrittenManifest | undefined> {
    const rows = await this.#clickhouse.query(
      writtenRow,
      `SELECT sequence, objectKey AS key, sha256, content FROM ${this.#tables.manifests}
       WHERE ${OF_TARGET} AND sequence = {sequence:UInt64} ORDER BY sha256 DESC LIMIT 1`,
      {
        doing: 'read a manifest',
        parameters: { ...this.#of(target), sequence },
        settings: CONSISTENT,
        signal,
      },
    );
    return rows[0];
  }

  async #head(
    { bucket, prefix }: ManifestTarget,
    signal: AbortSignal,
  ): Promise<z.infer<typeof headRow> | undefined> {
    return (await this.#heads(OF_TARGET, { bucket, prefix }, signal))[0];
  }

  async #heads(
    condition: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<z.infer<typeof headRow>[]> {
    const sql = `SELECT targetBucket AS bucket, targetPrefix AS prefix, max(m.sequence) AS sequence,
        argMax(objectKey, (m.sequence, m.sha256)) AS key, argMax(m.sha256, (m.sequence, m.sha256)) AS sha256,
        toUnixTimestamp64Milli(max(coveredTo)) AS coveredMs,
        max(createdAt) >= now64(3) - toIntervalHour({recentHours:UInt16}) AS isRecent
      FROM ${this.#tables.manifests} AS m WHERE ${MANIFESTS} AND (${condition})
      GROUP BY targetBucket, targetPrefix`;
    return this.#clickhouse.query(headRow, sql, {
      doing: 'find the last manifests',
      parameters: { ...parameters, keyPrefix: this.#keyPrefix, recentHours: RECENT_HOURS },
      settings: CONSISTENT,
      signal,
    });
  }
}

/** Settings under which ClickHouse takes one insert for a sequence, however many come at the same moment. */
function onlyOnce(
  { bucket, prefix }: ManifestTarget,
  key: string,
): { readonly insert_deduplicate: 1; readonly insert_deduplication_token: string } {
  return {
    insert_deduplicate: 1,
    insert_deduplication_token: JSON.stringify([bucket, prefix, key]),
  };
}

function linkOf(head: z.infer<typeof headRow> | undefined): ManifestLink | undefined {
  if (head === undefined) return undefined;
  const { sequence, key, sha256 } = head;
  return { sequence, key, sha256 };
}

function keyOf({ bucket, prefix }: ManifestTarget): string {
  return `${bucket}/${prefix}`;
}
