import type { Parameters } from '../../src/clickhouse/client.js';
import type { Site } from '../lab/site.js';
import type { Template } from './template.js';

/** Records to make: as many for each bucket. */
export interface Records {
  readonly buckets: number;
  readonly perBucket: number;
  /** How long ago the first one came in, in seconds. */
  readonly ageSeconds: number;
  /** Time over which they came in, evenly, each bucket's too; in seconds. */
  readonly spanSeconds: number;
}

/** One source bucket of the data. */
export interface SourceBucket {
  readonly bucket: string;
  readonly raftSession: number;
  readonly targetBucket: string;
  readonly targetPrefix: string;
}

const RAFT_SESSIONS = 8;
const TARGET_BUCKETS = 5;

/** The buckets in their order; {@link BUCKET_COLUMNS} says the same in SQL. */
export function sourceBuckets(count: number): readonly SourceBucket[] {
  return Array.from({ length: count }, (_, index) => {
    const bucket = `bench-${String(index).padStart(5, '0')}`;
    return {
      bucket,
      raftSession: index % RAFT_SESSIONS,
      targetBucket: `bench-logs-${index % TARGET_BUCKETS}`,
      targetPrefix: `${bucket}/`,
    };
  });
}

/** The columns that say what bucket a record is of; take `bucketIndex`. */
export const BUCKET_COLUMNS = {
  bucketName: `concat('bench-', leftPad(toString(bucketIndex), 5, '0'))`,
  raftSessionID: `toUInt16(bucketIndex % ${RAFT_SESSIONS})`,
  loggingEnabled: 'true',
  loggingTargetBucket: `concat('bench-logs-', toString(bucketIndex % ${TARGET_BUCKETS}))`,
  loggingTargetPrefix: `concat('bench-', leftPad(toString(bucketIndex), 5, '0'), '/')`,
} as const;

/**
 * Inserts records into the logs table, in one statement.
 *
 * @returns how many
 */
export async function addRecords(site: Site, template: Template, records: Records): Promise<number> {
  const { clickhouse, tables } = site;
  const count = records.buckets * records.perBucket;
  await clickhouse.command(recordsSql(tables.logs, template), {
    doing: `make ${count} records`,
    parameters: {
      count,
      copies: Math.ceil(count / template.rows),
      buckets: records.buckets,
      begin: Math.floor(Date.now() / 1000) - records.ageSeconds,
      span: records.spanSeconds,
    } satisfies Parameters,
    settings: { max_partitions_per_insert_block: '0' },
  });
  return count;
}

/** One part a partition, as after some time: what ClickHouse merges meanwhile would be measured too. */
export async function mergeParts({ clickhouse, tables }: Site): Promise<void> {
  await clickhouse.command(`OPTIMIZE TABLE ${tables.logsLocal} FINAL`, { doing: 'merge the parts' });
}

/** A record's place among all of them says its bucket, its time and its id. */
function recordsSql(logs: string, { table, rows }: Template): string {
  const columns = {
    ...BUCKET_COLUMNS,
    insertedAt: 'toDateTime({begin:UInt32} + intDiv(place * {span:UInt64}, {count:UInt64}))',
    startTime:
      'fromUnixTimestamp64Milli(toInt64({begin:UInt32} + intDiv(place * {span:UInt64}, {count:UInt64})) * 1000 - toInt64(cityHash64(place) % 30000))',
    req_id: `leftPad(hex(intHash64(place)), 16, '0')`,
  };
  const replaced = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  return `INSERT INTO ${logs}
    SELECT * EXCEPT (row, copy, place, bucketIndex) REPLACE (${replaced.join(', ')})
    FROM (
      SELECT *, copy * ${rows} + row AS place, place % {buckets:UInt64} AS bucketIndex
      FROM ${table} CROSS JOIN (SELECT number AS copy FROM numbers({copies:UInt64})) AS copies
      WHERE place < {count:UInt64}
    )`;
}
