/**
 * Settings of every statement that decides something by what the tables hold. On Replicated tables a row is there when
 * a majority of the replicas has it, and a replica that does not have all such rows refuses to answer; so nobody
 * decides wrongly because it asked a replica that lags. Plain tables ignore these settings.
 */
export const CONSISTENT = {
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
} as const;
