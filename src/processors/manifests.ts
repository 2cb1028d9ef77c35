import type { Pipeline } from '../pipelines/pipeline.js';
import type { MaintenanceContext, TaskOutcome } from './maintenance-task.js';

/** Has a pipeline write the manifests that are due; one that writes none has nothing to do. */
export async function writeDueManifests(
  _parts: unknown,
  { pipeline }: { readonly pipeline: Pick<Pipeline, 'writeManifests'> },
  { signal, leaseRemainingMs }: MaintenanceContext,
): Promise<TaskOutcome> {
  const run = await pipeline.writeManifests?.({ signal, leaseRemainingMs });
  if (run === undefined) return { found: false, figures: {} };
  return { found: run.manifests + run.failures > 0, figures: { ...run } };
}
