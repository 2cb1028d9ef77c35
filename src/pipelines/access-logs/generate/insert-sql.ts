import { bucketsSql } from './buckets-sql.js';
import { CLIENTS, clientsSql } from './clients-sql.js';
import { draw, fraction } from './draws.js';
import { operations } from './operations.js';
import { objectSql, ofOperation, outcomeSql, requestSql } from './requests-sql.js';
import { literal, pick, pickPosition } from './weighted.js';

/** What is drawn for a record before its bucket and client are known. `id` is never the same in two rows of a seed. */
const drawsSql = `
  SELECT
    1 AS one,
    number AS row,
    intHash64(bitXor(number, cityHash64({seed:UInt64}, 'records'))) AS id,
    ${fraction(draw('bucket'))} AS share,
    intDiv(${draw('client')} % ${CLIENTS} * (${draw('client, again')} % ${CLIENTS}), ${CLIENTS}) AS client,
    ${pickPosition(
      operations.map(({ weight }) => weight),
      draw('operation'),
    )} AS kind,
    ${ofOperation(({ operation }) => literal(operation))} AS operation,
    ${ofOperation(({ method }) => literal(method))} AS method
  FROM numbers_mt({from:UInt64}, {count:UInt64})`;

/** When the record came in (evenly, in the order of the rows, as real ingest goes) and when the request began. */
const timesSql = `
  toDateTime({start:UInt64} + intDiv((row + 1) * {spanSeconds:UInt64}, {rows:UInt64})) AS arrivedAt,
  toInt64(toUnixTimestamp(arrivedAt)) * 1000 - toInt64(${draw('delay')} % 30001) AS sentAtMs,
  ${draw('quiet')} / 18446744073709551616 < {quietShare:Float64} AS isQuiet`;

const nodes = ['s3-node-01', 's3-node-02', 's3-node-03', 's3-node-04', 's3-node-05', 's3-node-06'];

/** Where each column of the logs table comes from. */
const columns: Readonly<Record<string, string>> = {
  insertedAt: 'arrivedAt',
  hostname: pick(nodes, draw('node')),
  startTime: 'fromUnixTimestamp64Milli(sentAtMs)',
  requester: 'requester',
  operation: 'operation',
  requestURI: 'requestURI',
  errorCode: 'errorCode',
  objectSize: 'objectSize',
  totalTime: 'total',
  turnAroundTime: 'turnAround',
  referer: 'referer',
  userAgent: 'userAgent',
  versionId: 'versionId',
  signatureVersion: 'signature',
  cipherSuite: 'cipher',
  authenticationType: 'authenticationType',
  hostHeader: `concat(if(virtualHost, concat(bucket, '.'), ''), 's3.example.com')`,
  tlsVersion: 'tls',
  aclRequired: 'aclRequired',
  bucketOwner: 'owner',
  bucketName: 'bucket',
  req_id: `leftPad(hex(id), 16, '0')`,
  bytesSent: 'bytesSent',
  clientIP: 'clientIP',
  httpCode: 'status',
  objectKey: 'if(onKey, path, NULL)',
  logFormatVersion: `'0'`,
  loggingEnabled: 'NOT isQuiet',
  loggingTargetBucket: `if(isQuiet, '', targetBucket)`,
  loggingTargetPrefix: `if(isQuiet, '', concat(bucket, '/'))`,
  awsAccessKeyID: 'accessKey',
  raftSessionID: 'raftSession',
};

/**
 * The statement that makes `count` records from row `from` on. ClickHouse computes them on all cores; nothing is
 * read but the numbers, so that a record costs some 2 µs of CPU, and as much again to be stored.
 *
 * Parameters: seed, from, count, start (insertedAt of the first record less its share of the span, in seconds since
 * 1970), spanSeconds, rows (all, not only those of this statement), all UInt64; quietShare Float64; and those of the
 * buckets.
 *
 * @param table full name of the logs table
 */
export function insertSql(table: string): string {
  return `INSERT INTO ${table} (${Object.keys(columns).join(', ')})
WITH ${[objectSql, outcomeSql, requestSql, timesSql].join(',')}
SELECT
  ${Object.values(columns).join(',\n  ')}
FROM (${drawsSql}
) AS draws
ASOF INNER JOIN (${bucketsSql}
) AS buckets USING (one, share)
INNER JOIN (${clientsSql}
) AS clients USING (client)`;
}
