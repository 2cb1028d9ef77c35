import type { Command } from 'commander';
import { startEngines, type Engines } from '../../embedded/engines.js';
import type { LoadedSettings } from '../../config/load.js';
import { hideSecrets } from '../../config/secrets.js';
import type { Log } from '../../observability/log.js';
import type { Tracing } from '../../observability/tracing.js';
import { startTracing } from '../../observability/tracing/start.js';
import { within } from '../../observability/within.js';
import type { Pipeline } from '../../pipelines/pipeline.js';
import { InFlight } from '../../processors/in-flight.js';
import type { HeldUpBy } from '../../processors/outages.js';
import { untilCancelled } from '../../processors/until-cancelled.js';
import type { Presence } from '../../queues/replicas.js';
import { announce } from '../announce.js';
import { healthChecks, openQueues, openStore, type Queues, type Store } from '../assembly.js';
import { print, type CliContext, type Register } from '../context.js';
import { EngineWatch } from '../engine-watch.js';
import { formatCount, formatNumberOf } from '../format.js';
import { Preparation } from '../prepare.js';
import { runOnce } from '../once.js';
import { refuseWhilePaused } from '../paused.js';
import {
  rolesFrom,
  startCollectorRole,
  startDashboardRole,
  startDiscovery,
  startFigures,
  startMaintenance,
  startMetrics,
  startProcessors,
  usualRoles,
  type Role,
  type Running,
} from '../roles.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';
import { shutDown } from '../shut-down.js';
import { version } from '../version.js';
import { PATIENCE_MS, waitFor } from '../wait-for.js';
import { EMBEDDED_DIRECTORY, failOnExit, whenAborted } from './embedded.js';

/** What `run` is told beside the settings. */
export interface RunOptions {
  readonly roles?: string;
  readonly once?: boolean;
  readonly embedded?: string | true;
}

/** `run`: the service. */
export const registerRun: Register = (program, context) => {
  const command = program
    .command('run')
    .description('run the service: discovery, processors and dashboard, or some of them')
    .option(
      '--roles <roles>',
      `what this process does, comma-separated (default: all; collector where reports are enabled)`,
    )
    .option(
      '--once',
      'deliver until nothing is ready and nothing is in flight, then exit: 0, or 1 if an order failed',
    )
    .option(
      '--embedded [dir]',
      `start Redis, ClickHouse and S3 too, with their data in DIR (default: ${EMBEDDED_DIRECTORY})`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  log-courier run --roles processors\n  log-courier run --once --embedded',
    )
    .action((options: RunOptions) => run(command, context, options));
  withSettings(command);
};

/**
 * Runs the service.
 *
 * @param more environment variables that go before those of the process
 */
export async function run(
  command: Command,
  context: CliContext,
  options: RunOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const asked = options.roles === undefined ? undefined : rolesFrom(options.roles);
  // Wrong settings are told before anything is started.
  const roles = asked ?? usualRoles(settingsOf(command, context, more).settings.pipelines);
  const engines = await startEmbedded(options, context);
  try {
    const loaded = settingsOf(command, context, { ...engines?.environment, ...more });
    const service = trace(loaded, (log, tracing) => {
      const store = openStore(loaded.settings, log, tracing);
      return serve(store, openQueues(store), roles, context, options);
    });
    await Promise.race([service, ...(engines === undefined ? [] : [engines.exited.then(failOnExit)])]);
  } finally {
    await engines?.stop();
  }
}

/** Does work that is traced, if the settings name a collector. */
async function trace(
  loaded: LoadedSettings,
  work: (log: Log, tracing: Tracing | undefined) => Promise<void>,
): Promise<void> {
  const log = logOf(loaded);
  const { settings } = loaded;
  const tracing = await startTracing({
    endpoint: settings['telemetry.otlp-endpoint'],
    headers: settings['telemetry.otlp-headers'],
    sampleRatio: settings['telemetry.sample-ratio'],
    serviceName: settings['telemetry.service-name'],
    version: version(),
    onError: (problem) => {
      log.warn({ problem: hideSecrets(problem, settings) }, 'traces could not be sent');
    },
  });
  try {
    await work(log, tracing);
  } finally {
    await tracing?.close();
  }
}

async function startEmbedded(options: RunOptions, context: CliContext): Promise<Engines | undefined> {
  if (options.embedded === undefined) return undefined;
  return startEngines({
    dir: options.embedded === true ? EMBEDDED_DIRECTORY : options.embedded,
    signal: context.stop,
  });
}

async function serve(
  store: Store,
  queues: Queues,
  roles: readonly Role[],
  context: CliContext,
  options: RunOptions,
): Promise<void> {
  const { settings, log } = store;
  const once = options.once === true;
  const running: Running[] = [];
  const inFlight = new InFlight();
  let watch: EngineWatch | undefined;
  let presence: Presence | undefined;
  try {
    const checks = healthChecks(store, queues.redis);
    // Probes and scrapes are answered while the process waits: it lives, and says for which engine it waits.
    if (!once && settings['metrics-server.enabled']) running.push(await startMetrics(store, queues));
    // Whatever else is away: what agents post is taken.
    if (!once && roles.includes('collector')) running.push(await startCollectorRole(store));
    // What only deliveries need is not waited for: an order whose S3 is away is put off by itself.
    const preparation = new Preparation(store.pipelines, {
      ...{ log, stop: context.stop, isImpatient: once, apply: options.embedded !== undefined },
    });
    const redis = checks.filter(({ engine }) => engine === 'redis');
    await waitFor(redis, log, context.stop, once ? PATIENCE_MS : Infinity);
    await (once ? preparation.all() : preparation.first());
    presence = announce(store, queues, once ? ['processors'] : roles, inFlight);
    if (once) {
      await refuseWhilePaused(store, queues);
      running.push(startProcessors(store, undefined, inFlight));
      await tellOnce(store, queues, context);
      return;
    }
    watch = new EngineWatch({ checks, metrics: store.metrics, log });
    // A start that waits for Redis, which has just gone away, must not keep the process from ending.
    const stopped = whenAborted(context.stop);
    await Promise.race([
      startRoles({ store, queues, watch, inFlight, preparation, stop: context.stop }, roles, running),
      stopped,
    ]);
    if (!context.stop.aborted) log.info({ roles }, 'log-courier runs');
    await Promise.race([stopped, preparation.all().then(() => stopped)]);
    log.info('stopping: no new work is taken');
  } catch (error) {
    // Being told to stop while waiting for an engine is no failure.
    if (!context.stop.aborted) throw error;
  } finally {
    const deadline = performance.now() + settings['shutdown-timeout-seconds'] * 1000;
    await shutDown(running, settings['shutdown-timeout-seconds'], log).finally(() => watch?.stop());
    await presence?.stop();
    await closeBefore(deadline, store);
    await queues.close();
    log.info('stopped');
  }
}

/** Least time for writing what is held back, however long the work in flight took to end, in ms. */
const LEAST_TO_CLOSE_MS = 1000;

/** Lets go of the store. What cannot be written in time, offsets, follows from the order book: the next discovery does. */
async function closeBefore(deadline: number, store: Store): Promise<void> {
  const limitMs = Math.max(LEAST_TO_CLOSE_MS, deadline - performance.now());
  const { signal } = new AbortController();
  const closing = within(limitMs, signal, (timeUp) => untilCancelled(store.close(), timeUp));
  await closing.catch((err: unknown) => {
    store.log.warn({ err }, 'offsets could not be written in time; the next discovery writes them');
  });
}

/** What roles are started with. */
interface RoleParts {
  readonly store: Store;
  readonly queues: Queues;
  readonly watch: EngineWatch;
  readonly inFlight: InFlight;
  readonly preparation: Preparation;
  readonly stop: AbortSignal;
}

async function startRoles(
  { store, queues, watch, inFlight, preparation, stop }: RoleParts,
  roles: readonly Role[],
  running: Running[],
): Promise<void> {
  store.metrics.processInfo.set({ version: version(), roles: roles.join(',') }, 1);
  running.push(startFigures(store, queues));
  if (roles.includes('dashboard')) running.push(await startDashboardRole(store, queues));
  if (roles.includes('processors')) {
    const start = (pipelines: readonly Pipeline[]): void => {
      if (!stop.aborted) running.push(startProcessors(store, watch, inFlight, pipelines));
    };
    start(store.pipelines.filter((pipeline) => preparation.isDone(pipeline)));
    for (const pipeline of store.pipelines.filter((one) => !preparation.isDone(one)))
      preparation.of(pipeline).then(
        () => {
          start([pipeline]);
        },
        // The process is told, and ends.
        () => undefined,
      );
  }
  if (roles.includes('discovery')) {
    const heldUpBy: HeldUpBy = (pipeline) => {
      if (!preparation.isDone(pipeline))
        return 'not prepared yet: an engine has not answered since the start';
      const away = pipeline.needs.discovery.find((engine) => watch.isLost(engine));
      return away === undefined ? undefined : `${away} is away`;
    };
    running.push(await startDiscovery(store, queues, { watch, heldUpBy }));
    running.push(await startMaintenance(store, queues, { watch, heldUpBy }));
  }
}

async function tellOnce(store: Store, queues: Queues, context: CliContext): Promise<void> {
  const { orders, records, delivered, failed } = await runOnce(store, queues, context.stop);
  const outcome = [`${formatCount(delivered)} delivered`];
  if (failed > 0) outcome.push(`${formatCount(failed)} failed (\`log-courier status\` says why)`);
  print(
    context.stdout,
    `${formatNumberOf(orders, 'new work order')} with ${formatNumberOf(records, 'record')}; ${outcome.join(', ')}`,
  );
  if (failed > 0) context.exitCode = 1;
}
