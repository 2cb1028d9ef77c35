import type { S3Client } from '@aws-sdk/client-s3';
import type { ClickHouse } from '../../../clickhouse/client.js';
import { ClickHouseQueryError } from '../../../clickhouse/errors.js';
import { expectedTables } from '../../../clickhouse/expected-tables.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { Settings } from '../../../config/settings.js';
import { isBucketName } from '../../../destinations/s3/errors.js';
import { tryBucket } from '../../../destinations/s3/try-bucket.js';
import { judgeBucket } from '../../bucket-findings.js';
import { about, problem, warning, type DoctorContext, type Finding } from '../../finding.js';
import {
  judgeArrivalsRetention,
  judgeBookRetention,
  judgeRecordRetention,
  keptHours,
  type Kept,
} from './judge-retention.js';
import { judgeTables } from './judge-tables.js';
import { tryRights } from './rights.js';
import { findTables } from './tables.js';
import { recentTargets, type Target } from './targets.js';
import { isToldElsewhere } from './told-elsewhere.js';

/** What is looked at. */
export interface ExamineParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly s3: S3Client;
}

/** Looks at the tables in ClickHouse and at target buckets. See {@link Pipeline.doctor}. */
export async function examine(parts: ExamineParts, context: DoctorContext): Promise<readonly Finding[]> {
  const { clickhouse, tables } = parts;
  const { signal } = context;
  const looks = [
    orUnanswered('clickhouse.tables', () => examineTables(parts, signal)),
    orUnanswered('clickhouse.rights', () => tryRights(clickhouse, tables, signal)),
    orUnanswered('s3.bucket.write', async () => {
      const { places } = context;
      const targets =
        places.length > 0 ? places.map(targetOf) : await recentTargets(clickhouse, tables, signal);
      return examineTargets(parts, targets, places.length > 0, signal);
    }),
  ];
  return (await Promise.all(looks)).flat();
}

async function examineTables(
  { settings, clickhouse, tables }: ExamineParts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await findTables(clickhouse, tables, signal);
  const short = (table: string): string => table.slice(tables.database.length + 1);
  const kept = (table: string): Kept =>
    keptHours(found.tables.find(({ name }) => name === short(table))?.engineFull ?? '');
  const [logs, arrivals, book] = [
    kept(tables.logsLocal),
    kept(tables.arrivalsLocal),
    kept(tables.workOrdersLocal),
  ];
  const known = found.tables.some(({ name }) => name === short(tables.logsLocal));
  return [
    ...judgeTables(expectedTables(settings), found),
    ...(known ? [judgeRecordRetention(short(tables.logsLocal), logs, settings)] : []),
    ...judgeArrivalsRetention(short(tables.arrivalsLocal), arrivals, logs),
    ...judgeBookRetention(short(tables.workOrdersLocal), book, settings),
  ];
}

async function examineTargets(
  { s3, settings }: ExamineParts,
  targets: readonly Target[],
  object: boolean,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (targets.length === 0)
    return [
      warning(
        about('s3.bucket.write'),
        'no bucket was tried: no record of the last day names one',
        'name one with --bucket: a test object is written there, and removed',
      ),
    ];
  const findings = await Promise.all(
    targets.map(async ({ bucket, prefix }) => {
      if (isBucketName(bucket))
        return judgeBucket(await tryBucket(s3, settings, { bucket, prefix, object, signal }), settings);
      return [
        problem(
          about('s3.bucket.write', bucket),
          'no bucket can have this name',
          'have the source bucket name a valid target bucket',
        ),
      ];
    }),
  );
  return findings.flat();
}

/** A place as it is named on the command line: a bucket, or a bucket and a prefix with a slash in between. */
function targetOf(place: string): Target {
  const [bucket = '', ...prefix] = place.split('/');
  return { bucket, prefix: prefix.join('/') };
}

/** What ClickHouse refuses is a finding; that it does not answer is found by those who look at it itself. */
async function orUnanswered(
  check: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (isToldElsewhere(error)) return [];
    if (!(error instanceof ClickHouseQueryError)) throw error;
    const advice =
      'see what ClickHouse says; on a cluster the user needs the REMOTE privilege to look at all nodes';
    return [warning(about(check), `it could not be found out: ${error.message}`, advice)];
  }
}
