import express, { Router, type Express } from 'express';
import { hideSecrets } from '../config/secrets.js';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { authentication } from './authentication.js';
import { BOARD_PATH, createBoard, type BoardQueue } from './board.js';
import { refuseCrossSite } from './cross-site.js';
import { answerErrors, notFound } from './errors.js';
import { securityHeaders } from './headers.js';
import { healthRoutes, type HealthCheck } from './health.js';
import { listen, type HttpServer } from './listen.js';

/** What the metrics server needs. */
export interface MetricsServerOptions {
  readonly settings: Settings;
  /** Engines that `/readyz` asks. */
  readonly checks: readonly HealthCheck[];
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What the dashboard needs. */
export interface DashboardOptions extends MetricsServerOptions {
  /** Queues on the board. The caller closes them, after the dashboard. */
  readonly queues: readonly BoardQueue[];
}

/** An engine that is silent for this long is away; probes are sent every few seconds. */
const READINESS_TIMEOUT_MS = 2000;

/**
 * Serves the board of the queues, with credentials when the settings have some, and the probes, always open.
 *
 * @throws {ListenError} when it cannot listen where the settings say
 */
export async function startDashboard(options: DashboardOptions): Promise<HttpServer> {
  const { settings, metrics, log } = options;
  const app = createApp();
  app.use(probes(options));
  app.use(
    authentication({ username: settings['dashboard.username'], password: settings['dashboard.password'] }),
  );
  app.use(refuseCrossSite());
  app.get('/', (_request, response) => {
    response.redirect(BOARD_PATH);
  });
  app.use(metricsRoute(metrics));
  app.use(BOARD_PATH, createBoard(options.queues, log));
  app.use(notFound(), answerErrors(log));
  return listen(app, {
    address: settings['dashboard.listen-address'],
    port: settings['dashboard.listen-port'],
    addressSetting: 'dashboard.listen-address',
    portSetting: 'dashboard.listen-port',
  });
}

/**
 * Serves `/metrics` and the probes, open to everyone who can reach it.
 *
 * @throws {ListenError} when it cannot listen where the settings say
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<HttpServer> {
  const { settings, metrics, log } = options;
  const app = createApp();
  app.use(probes(options), metricsRoute(metrics), notFound(), answerErrors(log));
  return listen(app, {
    address: settings['metrics-server.listen-address'],
    port: settings['metrics-server.listen-port'],
    addressSetting: 'metrics-server.listen-address',
    portSetting: 'metrics-server.listen-port',
  });
}

function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders());
  return app;
}

function probes({ settings, checks, metrics }: MetricsServerOptions): Router {
  return healthRoutes({
    checks,
    timeoutMs: READINESS_TIMEOUT_MS,
    metrics,
    hideSecrets: (message) => hideSecrets(message, settings),
  });
}

function metricsRoute({ registry }: Metrics): Router {
  const router = Router();
  router.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await registry.metrics());
  });
  return router;
}
