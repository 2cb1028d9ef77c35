import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startEngines } from '../../src/embedded/engines.js';
import { openQueues } from '../../src/cli/assembly.js';
import { Pauses } from '../../src/queues/pauses.js';
import { alertRules } from '../support/alert-rules.js';
import { killAll, spawnCli } from '../support/cli.js';
import { deploy } from '../support/deployment.js';
import { startPrometheus, type Prometheus } from '../support/prometheus.js';
import { useEngines } from '../support/test-engines.js';

const engines = useEngines('prometheus', startEngines);
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(killAll);

/** The rules as they are, but that they wait for nothing and look back for seconds. */
const hasten = (rules: string): string =>
  rules.replaceAll(/^ +for: .*\n/gm, '').replaceAll(/\[\d+(m|h)\]/g, '[10s]');

/** Resolves when the alerts that fire are as wanted. */
async function alertsAre(
  prometheus: Prometheus,
  isWanted: (firing: readonly string[]) => boolean,
): Promise<void> {
  while (!isWanted(await prometheus.firing())) await sleep(200);
}

test('a real Prometheus that scrapes a run alerts while a bucket is stuck, delivery is paused or the run has ended', async () => {
  const here = await deploy(engines(), 'prometheus', {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.5',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '1',
    LOG_COURIER_TELEMETRY_MEASURE_INTERVAL_SECONDS: '1',
  });
  cleanups.push(() => here.close());
  const service = spawnCli(['run'], { environment: here.environment });
  const listening = await service.logged(({ msg }) => msg === 'metrics server listening');
  const { host } = new URL(z.object({ url: z.string() }).parse(listening).url);
  const prometheus = await startPrometheus(host, hasten);
  cleanups.push(() => prometheus.stop());

  await alertsAre(prometheus, (firing) => firing.length === 0);
  await here.addRecords({ bucket: 'photos', target: 'not-there', count: 10 });
  await alertsAre(prometheus, (firing) => firing.includes('LogCourierStuckSources'));
  await here.createBucket('not-there');
  expect(await here.cli('retry', '--all')).toMatchObject({ status: 0 });
  await alertsAre(prometheus, (firing) => !firing.includes('LogCourierStuckSources'));
  expect(await here.keysIn('not-there')).toHaveLength(1);

  const queues = openQueues(here.store);
  cleanups.push(() => queues.close());
  const pauses = new Pauses({ ...here.store, ...queues });
  await pauses.pause('delivery', undefined, 'a test');
  await alertsAre(prometheus, (firing) => firing.includes('LogCourierPaused'));
  await pauses.resume('delivery', undefined);
  await alertsAre(prometheus, (firing) => !firing.includes('LogCourierPaused'));

  const healths = await prometheus.healths();
  expect(Object.fromEntries(healths)).toEqual(
    Object.fromEntries(alertRules.map(({ alert }) => [alert, 'ok'])),
  );

  service.kill('SIGTERM');
  await service.ended;
  const gone = [
    'LogCourierReplicaGone',
    'LogCourierNoProcessors',
    'LogCourierNoDiscovery',
    'LogCourierNoFigures',
  ];
  await alertsAre(prometheus, (firing) => gone.every((alert) => firing.includes(alert)));
});
