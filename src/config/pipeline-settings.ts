import { z } from 'zod';
import { setting } from './setting.js';

/** Every kind of pipeline that this program has. A kind may be one pipeline or several, such as one a destination. */
export const PIPELINE_KINDS = ['access-logs', 'tables', 'reports'] as const;

/** See {@link PIPELINE_KINDS}. */
export type PipelineKindName = (typeof PIPELINE_KINDS)[number];

/** One kind or several, comma-separated or as a YAML list. */
function kinds(): z.ZodType<readonly PipelineKindName[]> {
  const allowed = `one or several of ${PIPELINE_KINDS.join(', ')}, comma-separated`;
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value),
      z.array(z.enum(PIPELINE_KINDS, allowed), allowed).min(1, allowed),
    )
    .refine((list) => new Set(list).size === list.length, { error: `${allowed}, each once` })
    .describe(allowed);
}

/** The rows of the settings table on which pipelines a process has. */
export const pipelineSettings = {
  pipelines: setting(
    kinds(),
    'access-logs',
    'What this process moves. Engines that only other pipelines need are neither connected to nor checked. Processes with the discovery role that share a Redis and a redis.key-prefix need the same.',
  ),
};
