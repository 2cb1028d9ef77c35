import type { S3Client } from '@aws-sdk/client-s3';
import type { Command } from 'commander';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Tracing } from '../../observability/tracing.js';
import type { Pipeline } from '../../pipelines/pipeline.js';
import type { CliContext } from '../context.js';
import type { Demo } from '../demo/demo.js';

/** What pipelines are made of. Their owner closes it, after them. */
export interface KindParts {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  /** Made when it is first asked for. */
  readonly clickhouse: ClickHouse;
  /** Made when it is first asked for. */
  readonly s3: S3Client;
}

/** One kind of pipeline: all that the command line knows of it. */
export interface PipelineKind {
  /**
   * Makes its pipelines: one or several, such as one a destination. It neither connects to anything nor fails because
   * an engine is away. What they share, and alone have, they close together.
   */
  open(parts: KindParts): readonly Pipeline[];
  /** Gives `generate KIND` its flags and what it does. */
  readonly generate?: (command: Command, context: CliContext) => void;
  /** What `demo KIND` shows. */
  readonly demo?: Demo;
}
