import { arrayOf, pick } from './weighted.js';
import { purposes, suffixes, teams } from './vocabulary.js';

/** Number of names without a number at their end. */
const PLAIN_NAMES = teams.length * purposes.length;

/**
 * The source buckets, one row each, busiest first. They are the same whatever the seed is.
 *
 * Parameters: sourceBuckets UInt32, targetBuckets Array(String).
 * Columns: one (1, to join by), bucket (its name), rank (from 0), owner (64 hex digits; source and target bucket
 * have one owner, as AWS demands), raftSession (0 to 7), targetBucket, aclRequired, versioned, and share: the
 * share (0 to 1) of the records that go to busier buckets. Shares follow Zipf's law with exponent 1.
 */
export const bucketsSql = `
  SELECT
    1 AS one,
    number AS rank,
    intDiv(number, ${teams.length}) AS lap,
    cityHash64(number, 'bucket') AS fixed,
    concat(
      ${arrayOf(teams)}[1 + number % ${teams.length}], '-',
      ${arrayOf(purposes)}[1 + (7 * number + lap) % ${purposes.length}],
      if(number < ${PLAIN_NAMES}, '', concat('-', toString(1 + intDiv(number, ${PLAIN_NAMES})))),
      ${pick(suffixes, 'fixed')}
    ) AS bucket,
    {targetBuckets:Array(String)}[1 + number % length({targetBuckets:Array(String)})] AS targetBucket,
    lower(hex(SHA256(targetBucket))) AS owner,
    toUInt16(cityHash64(bucket, 'raft session') % 8) AS raftSession,
    if(cityHash64(bucket, 'acl') % 10 = 0, 'Yes', NULL) AS aclRequired,
    cityHash64(bucket, 'versioning') % 10 < 3 AS versioned,
    sum(1 / (number + 1)) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upTo,
    (upTo - 1 / (number + 1)) / (SELECT sum(1 / (number + 1)) FROM numbers({sourceBuckets:UInt32})) AS share
  FROM numbers({sourceBuckets:UInt32})`;
