import { describe, expect, test } from '@jest/globals';
import { startProcessors } from '../../src/cli/roles.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { openDashboard, until } from '../support/dashboard-api.js';
import { settled } from '../support/queue-events.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const open = useWorkbench('dashboard-api');

/** Delivers what is open, well or not. */
async function deliver(bench: Workbench): Promise<void> {
  await bench.discover();
  const ids = (await bench.open()).map(jobIdOf);
  const events = await bench.eventsOf(bench.delivery);
  const done = settled(events, ids);
  const processors = startProcessors(bench.here.store);
  await done;
  await processors.drain();
}

describe('the API of the dashboard', () => {
  test('says where every bucket stands: delivered, waiting, stuck', async () => {
    const bench = await open();
    const { here, target } = bench;
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 10 });
    await here.addRecords({ bucket: 'videos', target: `${target}-gone`, count: 5, ageSeconds: 100 });
    await deliver(bench);
    await here.addRecords({ bucket: 'notes', target, count: 3, ageSeconds: 20 });
    const api = await openDashboard(bench);
    const { body } = await until(
      () => api.get('/api/overview'),
      ({ body: said }) => JSON.stringify(said).includes('stuck: NoSuchBucket'),
    );
    expect(body).toMatchObject({
      version: '1.2.3',
      headline: { tone: 'bad', text: '1 bucket stuck: NoSuchBucket' },
    });
    const overview = await until(
      () => api.get('/api/overview'),
      ({ body: said }) => JSON.stringify(said).includes('"delivered":1'),
    );
    expect(overview.body).toMatchObject({
      pipelines: [
        {
          name: 'access-logs',
          waitingRecords: 8,
          orders: { open: 0, failed: 1, skipped: 0, delivered: 1 },
          stuckSources: 1,
          sources: 3,
        },
      ],
    });
    expect((await api.get('/api/sources')).body).toMatchObject({
      pipeline: 'access-logs',
      total: 3,
      rows: [
        { source: 'notes', state: 'waiting', waitingRecords: 3, lastDeliveredAt: null, targets: [] },
        { source: 'photos', state: 'delivered', waitingRecords: 0, oldestAgeSeconds: null, targets: [target] },
        { source: 'videos', state: 'stuck', waitingRecords: 5, targets: [`${target}-gone`], failureCodes: ['NoSuchBucket'] },
      ],
    });
    expect((await api.get('/api/failures')).body).toMatchObject({
      groups: [
        {
          code: 'NoSuchBucket',
          targets: [`${target}-gone`],
          orders: 1,
          records: 5,
          sources: ['videos'],
          sourceCount: 1,
        },
      ],
    });
    const photos = await api.get('/api/source?source=photos');
    expect(photos.body).toMatchObject({
      source: 'photos',
      state: 'delivered',
      totalOrders: 1,
      orders: [{ state: 'delivered', records: 10, objects: [{ index: 0, place: target, records: 10 }] }],
    });
    const videos = await api.get('/api/source?source=videos');
    expect(videos.body).toMatchObject({ completeUpTo: null, waitingRecords: 5, orders: [{ state: 'failed' }] });
  });
});
