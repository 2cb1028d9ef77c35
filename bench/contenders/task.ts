import { z } from 'zod';
import { sourceBuckets } from '../data/records.js';
import type { Site } from '../lab/site.js';

/** What a contender that is not log-courier is to do: one object for each bucket. */
export const taskSchema = z.object({
  clickhouseUrl: z.string(),
  logs: z.string(),
  s3Url: z.string(),
  concurrency: z.number(),
  buckets: z.array(
    z.object({
      bucket: z.string(),
      raftSession: z.number(),
      targetBucket: z.string(),
      key: z.string(),
    }),
  ),
});

/** See {@link taskSchema}. */
export type Task = z.infer<typeof taskSchema>;

/** The task for a deployment's data: as many buckets at a time as log-courier has workers. */
export function taskOf({ lab, sink, settings, tables }: Site, buckets: number): Task {
  return {
    clickhouseUrl: lab.clickhouse.url,
    logs: tables.logs,
    s3Url: sink.url,
    concurrency: settings['consumer.num-workers'],
    buckets: sourceBuckets(buckets).map(({ targetPrefix, ...bucket }) => ({
      ...bucket,
      key: `${targetPrefix}2026-01-01-00-00-00-0123456789ABCDEF`,
    })),
  };
}
