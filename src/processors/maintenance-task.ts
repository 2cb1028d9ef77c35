import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import type { HeldUpBy, Outages } from './outages.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';

/** What maintenance works with. */
export interface MaintenanceParts {
  readonly settings: Settings;
  readonly pipelines: readonly PipelineQueue[];
  readonly redis: Redis;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Who knows of engines that are away: what fails without them is not told at length. */
  readonly outages?: Outages | undefined;
  /** Without it nothing is held up. */
  readonly heldUpBy?: HeldUpBy | undefined;
}

/** What one run of a task may rely on. */
export interface MaintenanceContext {
  readonly signal: AbortSignal;
  /** How many ms from now this run is certain to be the only one of its pipeline and task. */
  readonly leaseRemainingMs: () => number;
}

/** What one run of a task did. */
export interface TaskOutcome {
  /** Whether there was anything to do: told in the log as `info`, else as `debug`. */
  readonly found: boolean;
  /** Numbers for the log and, as the job's result, for the board. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The body of a task. */
export type TaskRunner = (
  parts: MaintenanceParts,
  on: PipelineQueue,
  context: MaintenanceContext,
) => Promise<TaskOutcome>;
