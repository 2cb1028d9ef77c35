import type { Redis } from 'ioredis';
import { hideSecrets } from '../config/secrets.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import type { Access } from './access/access.js';
import { apiRoutes, type ApiParts } from './api/routes.js';
import { BOARD_PATH } from './board.js';
import { probeRoutes, type HealthCheck, type ReadinessOptions } from './health.js';
import { pageRoutes } from './pages/routes.js';
import type { Role, Route } from './route.js';
import { trailRoutes } from './trail/routes.js';
import type { Trail } from './trail/trail.js';

/** What the routes of the metrics server are made of. */
export interface MetricsParts {
  readonly settings: Settings;
  /** Engines that `/readyz` asks. */
  readonly checks: readonly HealthCheck[];
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What the routes of the dashboard are made of. */
export interface DashboardParts extends MetricsParts {
  /** For what the dashboard keeps in Redis. */
  readonly redis: Redis;
  /** Who may come in, and how. */
  readonly access: Access;
  /** Where changes are noted. */
  readonly trail: Trail;
  /** What the API tells of and changes; without it there is none. */
  readonly api?: Pick<ApiParts, 'overview' | 'deliveries'> | undefined;
}

/** An engine that is silent for this long is away; probes are sent every few seconds. */
const READINESS_TIMEOUT_MS = 2000;

/** Every address of the dashboard beside the board's own. Here, and nowhere else, addresses are added. */
export function routesOf(parts: DashboardParts): readonly Route[] {
  const basePath = parts.settings['dashboard.base-path'];
  return [
    ...probesOf(parts),
    metricsRoute(parts.metrics, 'viewer'),
    ...parts.access.routes,
    ...trailRoutes(parts.trail),
    ...(parts.api === undefined ? [homeRoute(basePath)] : withApi(parts, parts.api)),
  ];
}

/** The JSON API, and the pages that show what it says. */
function withApi(parts: DashboardParts, api: Pick<ApiParts, 'overview' | 'deliveries'>): readonly Route[] {
  const { version } = api.overview.overview();
  const basePath = parts.settings['dashboard.base-path'];
  return [
    ...apiRoutes({ ...parts, ...api }),
    ...pageRoutes({ basePath, version, hasLogin: parts.access.hasLoginPage }),
  ];
}

/** Every address of the metrics server, all of them open to everyone. */
export function metricsServerRoutes(parts: MetricsParts): readonly Route[] {
  return [...probesOf(parts), metricsRoute(parts.metrics, 'anyone')];
}

/** How the engines are asked whether they are there. */
export function readinessOptions({ settings, checks, metrics }: MetricsParts): ReadinessOptions {
  return {
    checks,
    timeoutMs: READINESS_TIMEOUT_MS,
    metrics,
    hideSecrets: (message) => hideSecrets(message, settings),
  };
}

function probesOf(parts: MetricsParts): readonly Route[] {
  return probeRoutes(readinessOptions(parts));
}

function metricsRoute({ registry }: Metrics, role: Role | 'anyone'): Route {
  return {
    method: 'get',
    path: '/metrics',
    role,
    does: 'Metrics, for Prometheus',
    handler: async (_request, response) => {
      response.set('Content-Type', registry.contentType).send(await registry.metrics());
    },
  };
}

function homeRoute(basePath: string): Route {
  return {
    method: 'get',
    path: '/',
    role: 'viewer',
    does: 'Leads to the board',
    handler: (_request, response) => {
      response.redirect(`${basePath}${BOARD_PATH}`);
    },
  };
}
