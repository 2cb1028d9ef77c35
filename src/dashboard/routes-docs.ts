import { Redis } from 'ioredis';
import { loadSettings } from '../config/load.js';
import { markdownTable } from '../config/markdown-table.js';
import { silentLog } from '../observability/log.js';
import { createMetrics } from '../observability/metrics.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';
import { openAccess } from './access/open-access.js';
import { boardRoutes } from './board.js';
import { OverviewService } from './overview/service.js';
import type { ListedRoute } from './route.js';
import { metricsServerRoutes, readinessOptions, routesOf, type DashboardParts } from './routes.js';
import { Trail } from './trail/trail.js';

/** Tables of all addresses with the roles that they need, for docs/api.md. */
export interface RouteTables {
  /** The dashboard's own. */
  readonly dashboard: string;
  /** The board's. */
  readonly board: string;
  /** The metrics server's. */
  readonly metricsServer: string;
}

/** Makes the tables from the code, without an engine. */
export async function routeTables(): Promise<RouteTables> {
  const parts = await partsForDocs();
  return {
    dashboard: tableOf(routesOf(parts)),
    board: tableOf(boardRoutes()),
    metricsServer: tableOf(metricsServerRoutes(parts)),
  };
}

/** Parts that are never used: routes only say what they are. */
async function partsForDocs(): Promise<DashboardParts> {
  const { settings } = loadSettings({ flags: {}, environment: {} });
  const redis = new Redis({ lazyConnect: true });
  const log = silentLog();
  const metrics = createMetrics();
  const never = (): Promise<never> => Promise.reject(new TypeError('made for the documentation'));
  const discovery = { isPaused: never, resume: never, upsertJobScheduler: never };
  const engines = readinessOptions({ settings, checks: [], metrics, log });
  const deliveries: readonly PipelineQueue[] = [];
  return {
    settings,
    checks: [],
    metrics,
    log,
    redis,
    api: {
      overview: new OverviewService({ version: '', settings, redis, log, engines, discovery, deliveries }),
      deliveries,
    },
    access: await openAccess({ settings, redis, log }),
    trail: new Trail({ redis, keyPrefix: settings['redis.key-prefix'], log }),
  };
}

function tableOf(routes: readonly ListedRoute[]): string {
  const rows = routes.map(({ method, path, role, does }) => [
    `\`${method.toUpperCase()} ${path}\``,
    role,
    // Some are whole sentences.
    does.replace(/\.$/, ''),
  ]);
  return markdownTable([['Address', 'Role', 'What it does'], ...rows]);
}
