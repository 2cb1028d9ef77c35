import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { ClickHouseQueryError } from '../../clickhouse/errors.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Log } from '../../observability/log.js';

/** What ClickHouse says of itself and of the tables; times in seconds. */
export interface StoreState {
  readonly now: number;
  /** When it was started. */
  readonly upSince: number;
  /** Tells these tables from others; on one node also from ones of the same names that were made again. */
  readonly identity: string;
  /** Every record that came in from then on is in the arrivals table; undefined when that is not certain. */
  readonly trustedFrom: number | undefined;
}

/** How to ask for a {@link StoreState}. */
export interface StateReader {
  read(signal?: AbortSignal): Promise<StoreState>;
}

/** An insert that began before the view was made can end so long after, in seconds. */
const INSERT_SECONDS = 600;
/** How long what is known of the view stays in use, in ms. */
const REMEMBERED_MS = 60_000;

const clockRow = z.object({ now: z.number(), up: z.number() });
const tableRow = z.object({ name: z.string(), uuid: z.string() });
const viewRow = z.object({ hosts: z.number(), views: z.number(), madeAt: z.number() });

/**
 * Reads it from ClickHouse. What it says of the view is remembered for a minute.
 *
 * The view is trusted when every node that has the logs has it too, from the time at which the last of them was made or
 * changed, and a margin. Nothing is trusted when that cannot be read.
 */
export class StoreStateReader implements StateReader {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #log: Log;
  #view: { readonly trustedFrom: number | undefined; readonly readAt: number } | undefined;
  /** Whether the log has been told why the view is not trusted. */
  #isTold = false;

  constructor(clickhouse: ClickHouse, tables: Tables, log: Log) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#log = log;
  }

  /** Throws as {@link ClickHouse.query} does. */
  async read(signal?: AbortSignal): Promise<StoreState> {
    const doing = "read ClickHouse's state";
    const options = { doing, ...(signal === undefined ? {} : { signal }) };
    const { database, logsLocal, workOrdersLocal } = this.#tables;
    const names = [logsLocal, workOrdersLocal].map((name) => name.slice(database.length + 1));
    const [[clock], made] = await Promise.all([
      this.#clickhouse.query(clockRow, 'SELECT toUnixTimestamp(now()) AS now, uptime() AS up', options),
      this.#clickhouse.query(
        tableRow,
        `SELECT name, toString(uuid) AS uuid FROM system.tables
         WHERE database = {database:String} AND name IN {names:Array(String)} ORDER BY name`,
        { ...options, parameters: { database, names } },
      ),
    ]);
    const { now, up } = clock ?? { now: 0, up: 0 };
    // The nodes of a cluster need not agree on the ids of their tables.
    const ids = this.#tables.cluster === '' ? made.flatMap(({ name, uuid }) => [name, uuid]) : names;
    const identity = [database, ...ids].join(' ');
    return { now, upSince: now - up, identity, trustedFrom: await this.#trustedFrom(options) };
  }

  async #trustedFrom(options: {
    readonly doing: string;
    readonly signal?: AbortSignal;
  }): Promise<number | undefined> {
    if (this.#view !== undefined && performance.now() - this.#view.readAt < REMEMBERED_MS)
      return this.#view.trustedFrom;
    const trustedFrom = await this.#lookAtView(options).catch((err: unknown) => {
      // For instance the user may not read the system tables of all nodes.
      if (!(err instanceof ClickHouseQueryError)) throw err;
      this.#tell('it cannot be told whether the view on the logs is there', err);
      return undefined;
    });
    this.#view = { trustedFrom, readAt: performance.now() };
    return trustedFrom;
  }

  async #lookAtView(options: {
    readonly doing: string;
    readonly signal?: AbortSignal;
  }): Promise<number | undefined> {
    const { cluster, database, logsLocal, arrivalsLocal } = this.#tables;
    const name = (table: string): string => table.slice(database.length + 1);
    const systemTables =
      cluster === '' ? 'system.tables' : 'clusterAllReplicas({cluster:String}, system.tables)';
    const [found] = await this.#clickhouse.query(
      viewRow,
      `SELECT uniqExactIf(hostName(), name = {logs:String}) AS hosts,
         uniqExactIf(hostName(), name = {view:String} AND engine = 'MaterializedView') AS views,
         toUnixTimestamp(maxIf(metadata_modification_time, name = {view:String})) AS madeAt
       FROM ${systemTables} WHERE database = {database:String} AND name IN ({logs:String}, {view:String})`,
      {
        ...options,
        parameters: { cluster, database, logs: name(logsLocal), view: `${name(arrivalsLocal)}_mv` },
        // A node that is away takes nothing in either.
        settings: cluster === '' ? {} : { skip_unavailable_shards: 1 },
      },
    );
    if (found === undefined || found.hosts === 0 || found.views < found.hosts) {
      this.#tell('a node that has the logs lacks the view on them');
      return undefined;
    }
    this.#isTold = false;
    return found.madeAt + INSERT_SECONDS;
  }

  #tell(why: string, err?: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#log.warn(
      { view: `${this.#tables.arrivalsLocal}_mv`, ...(err === undefined ? {} : { err }) },
      `discovery scans what has come in instead of asking the arrivals: ${why}; log-courier schema print shows it`,
    );
  }
}
