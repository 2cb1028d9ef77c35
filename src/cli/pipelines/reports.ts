import { createReports } from '../../pipelines/reports/create.js';
import { reportsDemo } from '../demo/reports.js';
import type { PipelineKind } from './kind.js';

/** Reports that agents post to a collector, into an archive of compressed JSON lines. */
export const reports: PipelineKind = {
  open: (parts) => [createReports(parts)],
  demo: reportsDemo,
};
