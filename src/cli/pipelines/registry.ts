import type { PipelineKindName } from '../../config/pipeline-settings.js';
import { accessLogs } from './access-logs.js';
import { tables } from './tables.js';
import type { PipelineKind } from './kind.js';
import { reports } from './reports.js';

/** Every kind of pipeline, by the name that it has in the setting `pipelines`, `generate` and `demo`. */
export const KINDS: Readonly<Record<PipelineKindName, PipelineKind>> = {
  'access-logs': accessLogs,
  tables,
  reports,
};
