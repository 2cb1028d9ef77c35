import type { RevivableEngine } from '../engines/revivable-engine.js';
import type { EventLog } from '../event-log.js';
import type { FaultProxy } from '../proxy/fault-proxy.js';
import type { Random, Weighted } from '../random.js';
import type { ReplicaPool } from '../replicas/pool.js';

/** All that faults can reach. */
export interface World {
  readonly replicas: ReplicaPool;
  /** How many replicas there are when nobody scales them. */
  readonly usualReplicas: number;
  readonly clickhouse: RevivableEngine;
  readonly redis: RevivableEngine;
  readonly s3: RevivableEngine;
  /** Between the replicas and ClickHouse. */
  readonly clickhouseProxy: FaultProxy;
  /** Between the replicas and S3. */
  readonly s3Proxy: FaultProxy;
  readonly targetBuckets: readonly [string, ...string[]];
  readonly events: EventLog;
  /** Aborted when faults must end: each one then mends what it broke, at once. */
  readonly stop: AbortSignal;
}

/** A fault that has been drawn: what will be done is settled, whatever happens until then. */
export interface Trouble {
  /** What was drawn, for the event log. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Does it, and resolves when it is over. Answers false when there was nothing to do it to. */
  readonly happen: (world: World) => Promise<boolean>;
}

/** One kind of fault. */
export interface Fault extends Weighted {
  readonly name: string;
  /** Draws everything that is left to chance. */
  readonly draw: (random: Random) => Trouble;
}
