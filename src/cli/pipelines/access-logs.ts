import { createAccessLogs } from '../../pipelines/access-logs/pipeline.js';
import { accessLogsDemo } from '../demo/access-logs.js';
import { generateAccessLogs } from '../generate/access-logs.js';
import type { PipelineKind } from './kind.js';

/** S3 server access logs, from ClickHouse into the buckets that their owners named. */
export const accessLogs: PipelineKind = {
  open: (parts) => [createAccessLogs(parts)],
  generate: generateAccessLogs,
  demo: accessLogsDemo,
};
