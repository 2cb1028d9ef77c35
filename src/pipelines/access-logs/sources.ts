import { constantSql } from '../../clickhouse/constant.js';
import type { Source } from './order.js';

/** Tells sources apart. */
export function sourceKeyOf({ raftSession, bucket }: Source): string {
  return `${String(raftSession)}/${bucket}`;
}

/** Some sources without those that are there twice. */
export function distinctSources(sources: readonly Source[]): Source[] {
  return [...new Map(sources.map((source) => [sourceKeyOf(source), source])).values()];
}

/**
 * SQL that holds for rows of some sources, however many, which stand in the text; see {@link constantSql}. It lets
 * ClickHouse use the sorting keys.
 *
 * @param of what the columns stand behind: the name of a table and a dot
 */
export function sourcesSql(sources: readonly Source[], of = ''): string {
  const tuples = distinctSources(sources).map(({ raftSession, bucket }) => [raftSession, bucket]);
  const constant = constantSql('Array(Tuple(UInt16, String))', tuples);
  return `(${of}raftSessionID, ${of}bucketName) IN (${constant})`;
}
