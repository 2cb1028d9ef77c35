import { TupleParam } from '@clickhouse/client';
import { constantSql } from '../../clickhouse/constant.js';
import type { Source } from './order.js';

/** Tells sources apart. */
export function sourceKeyOf({ raftSession, bucket }: Source): string {
  return `${String(raftSession)}/${bucket}`;
}

/** SQL that holds for some sources; bind `sources` to {@link sourceTuples}. It lets ClickHouse use the sorting keys. */
export const OF_SOURCES = '(raftSessionID, bucketName) IN {sources:Array(Tuple(UInt16, String))}';

/** Sources as the parameter of {@link OF_SOURCES}. */
export function sourceTuples(sources: Iterable<Source>): readonly TupleParam[] {
  const distinct = new Map<string, TupleParam>();
  for (const { raftSession, bucket } of sources)
    distinct.set(sourceKeyOf({ raftSession, bucket }), new TupleParam([raftSession, bucket]));
  return [...distinct.values()];
}

/** SQL that holds for rows of some sources, however many, which stand in the text; see {@link constantSql}. */
export function sourcesSql(sources: readonly Source[]): string {
  const tuples = sources.map(({ raftSession, bucket }) => [raftSession, bucket]);
  return `(raftSessionID, bucketName) IN (${constantSql('Array(Tuple(UInt16, String))', tuples)})`;
}
