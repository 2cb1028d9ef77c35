import { BLACKOUT_FAULTS } from './blackout-faults.js';
import { CLICKHOUSE_FAULTS } from './clickhouse-faults.js';
import { ENGINE_FAULTS } from './engine-faults.js';
import { REPLICA_FAULTS } from './replica-faults.js';
import { S3_FAULTS } from './s3-faults.js';

/** Every kind of fault. Their order is part of what a seed means. */
export const FAULTS = [
  ...REPLICA_FAULTS,
  ...ENGINE_FAULTS,
  ...S3_FAULTS,
  ...CLICKHOUSE_FAULTS,
  ...BLACKOUT_FAULTS,
] as const;
