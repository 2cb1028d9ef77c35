import type { Queue } from 'bullmq';
import { z } from 'zod';
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
      `this process has no pipeline that is called ${JSON.stringify(pipeline)}; processes with the discovery role that share a Redis and a redis.key-prefix need the same pipelines, and the same version of log-courier`,
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

const payloadSchema = z.object({ pipeline: z.string() });

/** The engines without which a repeatable job can do nothing, beside Redis; none when its payload names no pipeline. */
export function needsOf(pipelines: readonly PipelineQueue[], payload: unknown): readonly string[] {
  const name = payloadSchema.safeParse(payload).data?.pipeline;
  return pipelines.find(({ pipeline }) => pipeline.name === name)?.pipeline.needs.discovery ?? [];
}
