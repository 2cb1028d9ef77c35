import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../src/observability/metrics.js';
import { showFigures } from '../../src/processors/figures.js';
import { runMaintenance } from '../../src/processors/maintenance.js';
import { Pauses } from '../../src/queues/pauses.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const MEASURE = { pipeline: 'access-logs', task: 'measure' } as const;
const going = new AbortController().signal;
const open = useWorkbench('figures');

/** What a scrape shows of a metric, by the labels beside the pipeline. */
async function shown(
  { here }: Workbench,
  name: string,
  { registry } = here.store.metrics,
): Promise<Readonly<Record<string, number>>> {
  const metric = await registry.getSingleMetric(`log_courier_${name}`)?.get();
  return Object.fromEntries(
    (metric?.values ?? []).map(({ labels: { pipeline, ...more }, value }) => [
      [pipeline, ...Object.values(more)].join(' '),
      value,
    ]),
  );
}

const show = ({ here, queues }: Workbench): Promise<void> => showFigures({ ...here.store, ...queues });
const measure = ({ parts }: Workbench): Promise<unknown> => runMaintenance(parts, MEASURE, going);

/** One open order of 10 records, two failed ones of 5 each of one bucket. */
async function prepared(): Promise<Workbench> {
  const bench = await open();
  const { here } = bench;
  for (const raftSession of [1, 2])
    await here.addRecords({ bucket: 'films', target: 'gone', count: 5, raftSession, ageSeconds: 7200 });
  await bench.discover();
  for (const order of await bench.open())
    await here.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', targets: ['gone'], objects: [] });
  await here.addRecords({ bucket: 'photos', target: 'logs', count: 10, ageSeconds: 600 });
  await bench.discover();
  return bench;
}

describe('the metrics of what is not settled', () => {
  test('show what the order book has, how old it is, and how many sources are stuck', async () => {
    const bench = await prepared();
    await measure(bench);
    await show(bench);
    expect(await shown(bench, 'orders')).toEqual({ 'access-logs open': 1, 'access-logs failed': 2 });
    expect(await shown(bench, 'undelivered_records')).toEqual({
      'access-logs open': 10,
      'access-logs failed': 10,
    });
    expect(await shown(bench, 'stuck_sources')).toEqual({ 'access-logs': 1 });
    const ages = await shown(bench, 'oldest_undelivered_age_seconds');
    expect(ages['access-logs open']).toBeGreaterThanOrEqual(600);
    expect(ages['access-logs open']).toBeLessThan(7200);
    expect(ages['access-logs failed']).toBeGreaterThanOrEqual(7200);
    expect(ages['access-logs not_ordered']).toBe(0);
  });

  test('are the same in every process, whichever has looked', async () => {
    const bench = await prepared();
    await measure(bench);
    const metrics = createMetrics();
    await showFigures({ ...bench.here.store, ...bench.queues, metrics });
    expect(await shown(bench, 'orders', metrics)).toEqual({ 'access-logs open': 1, 'access-logs failed': 2 });
  });

  test('are absent before anybody has looked, and when Redis has lost what was seen', async () => {
    const bench = await prepared();
    await show(bench);
    expect(await shown(bench, 'orders')).toEqual({});
    await measure(bench);
    await show(bench);
    await bench.queues.redis.flushdb();
    await show(bench);
    expect(await shown(bench, 'orders')).toEqual({});
    expect(await shown(bench, 'discovery_age_seconds')).toEqual({});
  });
});

describe('the metrics of discovery', () => {
  test('show how long ago it ended well, and how old what it left waiting is', async () => {
    const bench = await open({
      LOG_COURIER_CONSUMER_COUNT_THRESHOLD: '1000',
      LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '86400',
    });
    await show(bench);
    expect(await shown(bench, 'discovery_age_seconds')).toEqual({});
    await bench.here.addRecords({ bucket: 'photos', target: 'logs', count: 10, ageSeconds: 3600 });
    await bench.discover();
    await show(bench);
    expect((await shown(bench, 'discovery_age_seconds'))['access-logs']).toBeLessThan(600);
    const ages = await shown(bench, 'oldest_undelivered_age_seconds');
    expect(ages['access-logs not_ordered']).toBeGreaterThanOrEqual(3600);
    expect(ages['access-logs not_ordered']).toBeLessThan(7200);
  });
});

test('what is paused shows, and shows no more when it goes on', async () => {
  const bench = await open();
  const { here, queues } = bench;
  const pauses = new Pauses({ ...here.store, ...queues });
  const paused = async (): Promise<unknown> => {
    await show(bench);
    return shown(bench, 'paused');
  };
  await pauses.pause('delivery', undefined, 'me');
  expect(await paused()).toEqual({ 'access-logs discovery': 0, 'access-logs delivery': 1 });
  await pauses.resume('delivery', undefined);
  await pauses.pause('discovery', 'access-logs', 'me');
  expect(await paused()).toEqual({ 'access-logs discovery': 1, 'access-logs delivery': 0 });
  await pauses.resume('discovery', 'access-logs');
  expect(await paused()).toEqual({ 'access-logs discovery': 0, 'access-logs delivery': 0 });
});
