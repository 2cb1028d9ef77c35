import type { PipelineWords } from '../../words.js';

/** What the pages call the things of this pipeline. */
export const REPORTS_WORDS: PipelineWords = {
  title: 'Reports',
  goods: 'reports',
  record: { one: 'report', many: 'reports' },
  source: { one: 'collector', many: 'collectors' },
  target: { one: 'archive', many: 'archives' },
  object: { one: 'file', many: 'files' },
};
