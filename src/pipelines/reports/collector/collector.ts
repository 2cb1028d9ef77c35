import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Settings } from '../../../config/settings.js';
import type { Log } from '../../../observability/log.js';
import type { Metrics } from '../../../observability/metrics.js';
import { Spool, type SpoolOptions } from '../spool/spool.js';
import { Agents } from './agents.js';
import { BodyBudget } from './body.js';
import { collectorHandler } from './handler.js';
import { Intake } from './intake.js';
import { ReportSchemas } from './schemas.js';

/** What a collector works with. */
export interface CollectorParts extends Pick<SpoolOptions, 'sync'> {
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** A collector that takes reports. */
export interface RunningCollector {
  /** Where it listens, e.g. `http://127.0.0.1:8400`. */
  readonly url: string;
  /** Takes no new requests, answers those under way, and seals what is in the spool. */
  readonly close: () => Promise<void>;
}

/** A collector cannot listen where its settings say, or must not. */
export class CollectorStartError extends Error {
  override readonly name = 'CollectorStartError';
}

/** How often the metrics of the spool are set; ms. */
const GAUGE_MS = 1000;
/** How long answers on their way may take when the collector ends; ms. */
const GRACE_MS = 5000;
/** How often connections are ended then that have their answers; ms. */
const IDLE_MS = 50;

/**
 * Starts to take reports over HTTP, into the spool.
 *
 * @throws {CollectorStartError} {@link DirectoryInUseError} {@link AgentsFileError} {@link SchemaFileError}
 */
export async function startCollector(parts: CollectorParts): Promise<RunningCollector> {
  const { settings, metrics, log } = parts;
  refuseOpenDoors(settings);
  const agents = await Agents.open({
    file: settings['reports.agents-file'],
    reportsPerSecond: settings['reports.max-reports-per-second'],
    log,
  });
  const schemas = await ReportSchemas.read(settings['reports.schema-directory']);
  const spool = await openSpool(parts);
  const showFill = (): void => {
    const { bytes, oldestMs } = spool.fill;
    metrics.reportsSpoolBytes.set(bytes);
    metrics.reportsSpoolOldest.set(oldestMs === null ? 0 : Math.max(0, (Date.now() - oldestMs) / 1000));
  };
  metrics.reportsSpoolMaxBytes.set(settings['reports.spool-max-bytes']);
  showFill();
  const gauges = setInterval(showFill, GAUGE_MS);
  let isClosing = false;
  const handler = collectorHandler({
    agents,
    intake: new Intake({ spool, schemas, typeMember: settings['reports.type-member'] }),
    budget: new BodyBudget(settings['reports.max-buffered-bytes']),
    limits: {
      maxReportBytes: settings['reports.max-report-bytes'],
      maxBatchBytes: settings['reports.max-batch-bytes'],
      maxReports: settings['reports.max-batch-reports'],
      maxDepth: settings['reports.max-depth'],
    },
    origins: settings['reports.cors-origins'].split(',').filter((origin) => origin !== ''),
    log,
    onAccepted: (reports) => {
      metrics.reportsAccepted.inc(reports);
    },
    onRefused: (reason) => {
      metrics.reportsRefused.inc({ reason });
    },
    isClosing: () => isClosing,
    isReady: () => !isClosing && !spool.isTroubled && spool.fill.bytes < settings['reports.spool-max-bytes'],
  });
  const release = async (): Promise<void> => {
    clearInterval(gauges);
    agents.close();
    await spool.close();
  };
  try {
    const server = await serverOf(settings);
    server.on('request', handler);
    // One that asks whether to send its body is told so when its headers are well.
    server.on('checkContinue', handler);
    const url = await listening(server, settings);
    return {
      url,
      close: async () => {
        isClosing = true;
        await closed(server);
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

function openSpool({ settings, metrics, log, sync = 'group' }: CollectorParts): Promise<Spool> {
  return Spool.open({
    directory: settings['reports.spool-directory'],
    segmentMaxBytes: settings['reports.segment-max-bytes'],
    segmentMaxMs: settings['reports.segment-max-seconds'] * 1000,
    maxBytes: settings['reports.spool-max-bytes'],
    maxKeys: settings['reports.max-idempotency-keys'],
    sync,
    log,
    onSync: (seconds, requests) => {
      metrics.reportsSyncSeconds.observe(seconds);
      metrics.reportsGroupRequests.observe(requests);
    },
  });
}

/** Without tokens only this machine may post. */
function refuseOpenDoors(settings: Settings): void {
  const address = settings['reports.listen-address'];
  if (settings['reports.agents-file'] !== '' || isLoopback(address)) return;
  throw new CollectorStartError(
    `reports.listen-address ${address} can be reached from other machines, and without reports.agents-file anybody there could post; ` +
      'give a file of agents, or listen on 127.0.0.1',
  );
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

async function serverOf(settings: Settings): Promise<Server> {
  const patienceMs = settings['reports.body-timeout-seconds'] * 1000;
  // Whoever sends slowly holds a connection no longer than this.
  const options = {
    requestTimeout: patienceMs,
    headersTimeout: Math.min(patienceMs, 10_000),
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1000, patienceMs),
    maxHeaderSize: 16_384,
  };
  const [certificate, key] = [settings['reports.tls-cert-file'], settings['reports.tls-key-file']];
  const server =
    certificate === ''
      ? createServer(options)
      : createTlsServer({ ...options, cert: await readFile(certificate), key: await readFile(key) });
  server.maxConnections = settings['reports.max-connections'];
  return server;
}

function listening(server: Server, settings: Settings): Promise<string> {
  const [address, port] = [settings['reports.listen-address'], settings['reports.listen-port']];
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new CollectorStartError(
          `cannot listen on ${address}, port ${String(port)}: ${cause.message}; see reports.listen-address and reports.listen-port`,
          { cause },
        ),
      );
    });
    server.listen(port, address, () => {
      const bound = server.address();
      const scheme = settings['reports.tls-cert-file'] === '' ? 'http' : 'https';
      const host = address.includes(':') ? `[${address}]` : address;
      resolve(`${scheme}://${host}:${String(typeof bound === 'object' ? (bound?.port ?? port) : port)}`);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => {
      server.closeAllConnections();
    }, GRACE_MS);
    // Connections that are kept alive end as soon as they have their answer.
    const idle = setInterval(() => {
      server.closeIdleConnections();
    }, IDLE_MS);
    server.close(() => {
      clearTimeout(impatience);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
  });
}
