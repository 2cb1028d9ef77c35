import type { PipelineWords } from '../../words.js';

/** What the pages call the things of this pipeline. */
export const ACCESS_LOGS_WORDS: PipelineWords = {
  title: 'S3 access logs',
  goods: 'logs',
  record: { one: 'record', many: 'records' },
  source: { one: 'bucket', many: 'buckets' },
  target: { one: 'target bucket', many: 'target buckets' },
  object: { one: 'log object', many: 'log objects' },
};
