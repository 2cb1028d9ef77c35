import { z } from 'zod';
import type { ClickHouse, RequestOptions } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';

const tableRow = z.object({
  name: z.string(),
  engine: z.string(),
  engineFull: z.string(),
  columns: z.array(z.string()),
  hosts: z.number(),
});

/** A table as ClickHouse has it. */
export type FoundTable = z.infer<typeof tableRow>;

/** The tables of a deployment, and the nodes that were asked for them. */
export interface FoundTables {
  readonly tables: readonly FoundTable[];
  /** Nodes that answered; 1 without a cluster. */
  readonly nodes: number;
  /** Nodes that the cluster has by its definition; 1 without a cluster. */
  readonly expectedNodes: number;
}

/** Reads what ClickHouse has, on every node of the cluster. Throws as {@link ClickHouse.query} does. */
export async function findTables(
  clickhouse: ClickHouse,
  { database, cluster }: Tables,
  signal: AbortSignal,
): Promise<FoundTables> {
  const isCluster = cluster !== '';
  const everywhere = (table: string): string =>
    isCluster ? `clusterAllReplicas({cluster:String}, system.${table})` : `system.${table}`;
  const options: RequestOptions = {
    doing: 'look at the tables',
    parameters: { database, cluster },
    // A node that is away is told of; the others are looked at all the same.
    settings: isCluster ? { skip_unavailable_shards: 1 } : {},
    signal,
  };
  const [tables, [nodes]] = await Promise.all([
    clickhouse.query(
      tableRow,
      `SELECT name, any(engine) AS engine, any(engine_full) AS engineFull, any(columns) AS columns,
         uniqExact(host) AS hosts
       FROM (
         SELECT hostName() AS host, name, engine, engine_full
         FROM ${everywhere('tables')} WHERE database = {database:String}
       ) AS t
       LEFT JOIN (
         SELECT table, groupUniqArray(1000)(name) AS columns
         FROM ${everywhere('columns')} WHERE database = {database:String} GROUP BY table
       ) AS c ON c.table = t.name
       GROUP BY name ORDER BY name`,
      options,
    ),
    clickhouse.query(
      z.object({ answered: z.number(), expected: z.number() }),
      `SELECT uniqExact(hostName()) AS answered,
         (SELECT count() FROM system.clusters WHERE cluster = {cluster:String}) AS expected
       FROM ${everywhere('one')}`,
      options,
    ),
  ]);
  return {
    tables,
    nodes: nodes?.answered ?? 0,
    expectedNodes: isCluster ? (nodes?.expected ?? 0) : 1,
  };
}
