import type { Queue } from 'bullmq';
import type { Pipeline } from '../pipelines/pipeline.js';

/** A pipeline with the queue that delivers its orders. */
export interface PipelineQueue {
  readonly pipeline: Pipeline;
  readonly queue: Queue;
}

/** A job names a pipeline that this process does not know. */
export class UnknownPipelineError extends Error {
  override readonly name = 'UnknownPipelineError';

  /** @param pipeline the name in the job's payload */
  constructor(pipeline: string) {
    super(
      `no pipeline is called ${JSON.stringify(pipeline)}; is an older version of log-courier running beside a newer one?`,
    );
  }
}

/**
 * The pipeline that a job names.
 *
 * @throws {UnknownPipelineError} when this process has none of that name
 */
export function findPipeline(pipelines: readonly PipelineQueue[], name: string): PipelineQueue {
  const found = pipelines.find(({ pipeline }) => pipeline.name === name);
  if (found === undefined) throw new UnknownPipelineError(name);
  return found;
}
