import type { Settings } from '../config/settings.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';
import { createApp } from './app.js';
import { gate, type GateOptions } from './access/gate.js';
import { openAccess } from './access/open-access.js';
import { BOARD_PATH, boardRoleFor, boardRoutes, createBoard, type BoardQueue } from './board.js';
import { listen, type HttpServer } from './listen.js';
import { OverviewService, type OverviewParts } from './overview/service.js';
import type { ListedRoute } from './route.js';
import {
  metricsServerRoutes,
  readinessOptions,
  routesOf,
  type DashboardParts,
  type MetricsParts,
} from './routes.js';
import type { TlsFiles } from './tls.js';
import { Trail } from './trail/trail.js';

/** What the metrics server needs. */
export type MetricsServerOptions = MetricsParts;

/** What the dashboard needs. */
export interface DashboardOptions extends Omit<DashboardParts, 'access' | 'trail' | 'api'> {
  /** Queues on the board. The caller closes them, after the dashboard. */
  readonly queues: readonly BoardQueue[];
  /** What the API tells of; without it there is none. */
  readonly work?: Work | undefined;
}

/** The work that the dashboard tells of, and can hold up. The caller closes the queues, after the dashboard. */
export interface Work extends Pick<OverviewParts, 'version' | 'discovery'> {
  readonly deliveries: readonly PipelineQueue[];
}

/** A dashboard that listens. */
export interface Dashboard extends HttpServer {
  /** Every address of it with the role that it needs, the board's included. */
  readonly routes: readonly ListedRoute[];
}

/**
 * Serves the dashboard: its routes, each to those who have the role for it, and the board of the queues.
 *
 * @throws {ListenError} when it cannot listen where the settings say
 * @throws {UsersFileError} when the file of users cannot be read or understood
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { settings, redis, log, queues, work } = options;
  const basePath = settings['dashboard.base-path'];
  const trail = new Trail({ redis, keyPrefix: settings['redis.key-prefix'], log });
  const access = await openAccess({ settings, redis, log });
  const gateOptions: GateOptions = { access, basePath };
  const api =
    work === undefined
      ? undefined
      : {
          overview: new OverviewService({
            ...work,
            settings,
            redis,
            log,
            engines: readinessOptions(options),
          }),
          deliveries: work.deliveries,
        };
  const routes = routesOf({ ...options, access, trail, api });
  const board = createBoard({ queues, basePath, trail, log });
  const app = createApp({
    routes,
    gate: gateOptions,
    trustedProxies: settings['dashboard.trusted-proxies'],
    publicHost: publicHost(settings),
    mounts: [{ path: BOARD_PATH, handlers: [gate(gateOptions, boardRoleFor), ...board] }],
    log,
  });
  const server = await listen(app, {
    address: settings['dashboard.listen-address'],
    port: settings['dashboard.listen-port'],
    addressSetting: 'dashboard.listen-address',
    portSetting: 'dashboard.listen-port',
    tls: tlsFiles(settings),
    log,
  });
  api?.overview.start();
  return {
    url: server.url,
    routes: [...routes, ...boardRoutes()],
    close: async () => {
      await Promise.all([server.close(), api?.overview.close()]);
    },
  };
}

/**
 * Serves `/metrics` and the probes, open to everyone who can reach it.
 *
 * @throws {ListenError} when it cannot listen where the settings say
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<HttpServer> {
  const { settings, log } = options;
  return listen(createApp({ routes: metricsServerRoutes(options), log }), {
    address: settings['metrics-server.listen-address'],
    port: settings['metrics-server.listen-port'],
    addressSetting: 'metrics-server.listen-address',
    portSetting: 'metrics-server.listen-port',
  });
}

function publicHost(settings: Settings): string | undefined {
  const url = settings['dashboard.public-url'];
  return url === '' ? undefined : new URL(url).host;
}

function tlsFiles(settings: Settings): TlsFiles | undefined {
  const { 'dashboard.tls-cert-file': certFile, 'dashboard.tls-key-file': keyFile } = settings;
  return certFile === '' ? undefined : { certFile, keyFile };
}
