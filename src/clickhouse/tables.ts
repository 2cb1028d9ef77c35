import type { Settings } from '../config/settings.js';

/** Full names (`database.table`) of the tables that the access-logs pipeline uses. */
export interface Tables {
  readonly database: string;
  /** Cluster of the Distributed tables; empty on one node, where each pair below is one plain table. */
  readonly cluster: string;
  readonly logs: string;
  readonly logsLocal: string;
  readonly ingest: string;
  readonly offsets: string;
  readonly offsetsLocal: string;
  readonly workOrders: string;
  readonly workOrdersLocal: string;
  /** How many records somebody has set out to deliver, for orders that late records have joined. */
  readonly orderClaims: string;
  readonly orderClaimsLocal: string;
  readonly manifests: string;
  readonly manifestsLocal: string;
  /** How many records came in, by minute and source: a hint for discovery. */
  readonly arrivals: string;
  readonly arrivalsLocal: string;
  /** Which versions of the schema have been applied. */
  readonly schemaVersions: string;
}

interface Names {
  readonly logs: string;
  readonly logsLocal: string;
  readonly ingest: string;
  readonly offsets: string;
  readonly offsetsLocal: string;
  readonly workOrders: string;
  readonly workOrdersLocal: string;
  readonly orderClaims: string;
  readonly orderClaimsLocal: string;
  readonly manifests: string;
  readonly manifestsLocal: string;
  readonly arrivals: string;
  readonly arrivalsLocal: string;
}

const LAYOUTS: Readonly<Record<Settings['clickhouse.table-layout'], Names>> = {
  default: {
    logs: 'logs',
    logsLocal: 'logs_local',
    ingest: 'logs_ingest_local',
    offsets: 'offsets',
    offsetsLocal: 'offsets_local',
    workOrders: 'work_orders',
    workOrdersLocal: 'work_orders_local',
    orderClaims: 'order_claims',
    orderClaimsLocal: 'order_claims_local',
    manifests: 'manifests',
    manifestsLocal: 'manifests_local',
    arrivals: 'arrivals',
    arrivalsLocal: 'arrivals_local',
  },
  federation: {
    logs: 'access_logs_federated',
    logsLocal: 'access_logs',
    ingest: 'logs_ingest_local',
    offsets: 'offsets_federated',
    offsetsLocal: 'offsets',
    workOrders: 'work_orders_federated',
    workOrdersLocal: 'work_orders',
    orderClaims: 'order_claims_federated',
    orderClaimsLocal: 'order_claims',
    manifests: 'manifests_federated',
    manifestsLocal: 'manifests',
    arrivals: 'arrivals_federated',
    arrivalsLocal: 'arrivals',
  },
};

/**
 * Names the tables: the layout's names, single ones overridden by the settings. On one node the local names
 * are those of the distributed tables, since one plain table is both.
 */
export function tablesOf(settings: Settings): Tables {
  const layout = LAYOUTS[settings['clickhouse.table-layout']];
  const database = settings['clickhouse.database'];
  const cluster = settings['clickhouse.cluster'];
  const full = (own: string, standard: string): string => `${database}.${own === '' ? standard : own}`;
  const logs = full(settings['clickhouse.logs-table'], layout.logs);
  const offsets = full(settings['clickhouse.offsets-table'], layout.offsets);
  const workOrders = full(settings['clickhouse.work-orders-table'], layout.workOrders);
  const orderClaims = full('', layout.orderClaims);
  const manifests = full('', layout.manifests);
  const arrivals = full('', layout.arrivals);
  const local = (own: string, standard: string, distributed: string): string =>
    cluster === '' ? distributed : full(own, standard);
  return {
    database,
    cluster,
    logs,
    logsLocal: local(settings['clickhouse.logs-local-table'], layout.logsLocal, logs),
    ingest: full(settings['clickhouse.ingest-table'], layout.ingest),
    offsets,
    offsetsLocal: local(settings['clickhouse.offsets-local-table'], layout.offsetsLocal, offsets),
    workOrders,
    workOrdersLocal: local(
      settings['clickhouse.work-orders-local-table'],
      layout.workOrdersLocal,
      workOrders,
    ),
    orderClaims,
    orderClaimsLocal: local('', layout.orderClaimsLocal, orderClaims),
    manifests,
    manifestsLocal: local('', layout.manifestsLocal, manifests),
    arrivals,
    arrivalsLocal: local('', layout.arrivalsLocal, arrivals),
    schemaVersions: `${database}.log_courier_schema`,
  };
}
