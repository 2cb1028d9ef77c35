import { TupleParam } from '@clickhouse/client';
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
