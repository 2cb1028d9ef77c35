import { describe, expect, test } from '@jest/globals';
import {
  changedSchema,
  failuresSchema,
  overviewSchema,
  pausesSchema,
  sourceSchema,
} from '../support/api-schemas.js';
import { openDashboard } from '../support/dashboard-api.js';
import { deliverAll } from '../support/deliveries.js';
import { useWorkbench } from '../support/test-workbench.js';
import { isRead, only, threeSources } from '../support/three-sources.js';

const open = useWorkbench('dashboard-changes');

describe('changes by the API', () => {
  test('put the orders of a group back, and the headline recovers when they are delivered', async () => {
    const { api, bench, gone } = await threeSources(await open());
    await bench.here.createBucket(gone);
    const { groups } = failuresSchema.parse((await api.get('/api/failures')).body);
    const { status, body } = await api.post('/api/retry', { pipeline: 'access-logs', group: groups[0]?.id });
    expect({ status, body: changedSchema.parse(body) }).toEqual({
      status: 200,
      body: { orders: 1, records: 5, message: '1 order with 5 records is back in the queue.' },
    });
    expect(failuresSchema.parse((await api.get('/api/failures')).body).groups).toEqual([]);
    await deliverAll(bench);
    const { headline } = await api.overviewWhere(
      (overview) => only(overview).waitingRecords === 0 && overview.headline.tone === 'good',
    );
    expect(headline.text).toBe('All logs delivered');
    expect(await bench.here.audit()).toMatchObject({ missing: 0, duplicated: 0, delivered: 18 });
  });

  test('give the orders of a source up, with who and why', async () => {
    const { api } = await threeSources(await open());
    const reason = 'the customer has left';
    const { body } = await api.post('/api/skip', { pipeline: 'access-logs', source: 'videos', reason });
    expect(changedSchema.parse(body)).toEqual({
      ...{ orders: 1, records: 5 },
      message: '1 order given up: 5 records will not be delivered.',
    });
    const videos = sourceSchema.parse((await api.get('/api/source?source=videos')).body);
    expect(videos).toMatchObject({
      ...{ state: 'delivered', waitingRecords: 0 },
      orders: [{ state: 'skipped', skip: { reason, records: 5, by: expect.any(String) } }],
    });
    const again = await api.post('/api/skip', {
      pipeline: 'access-logs',
      order: videos.orders[0]?.id,
      reason,
    });
    expect(again).toMatchObject({ status: 409, body: { error: expect.stringContaining(reason) } });
  });

  test('say so when there is nothing to do, and when there is no such order or group', async () => {
    const { api } = await threeSources(await open());
    const pipeline = 'access-logs';
    const nothing = await api.post('/api/retry', { pipeline, source: 'photos' });
    expect(nothing.body).toEqual({
      orders: 0,
      records: 0,
      message: 'Nothing to retry: no failed order matches.',
    });
    const order = '0123456789abcdef';
    expect(await api.post('/api/skip', { pipeline, order, reason: 'x' })).toMatchObject({ status: 404 });
    expect(await api.post('/api/retry', { pipeline, group: order })).toMatchObject({ status: 404 });
  });

  test('are noted in the trail, with who and what came of it', async () => {
    const { api } = await threeSources(await open());
    await api.post('/api/retry', { pipeline: 'access-logs', all: true });
    await api.post('/api/pause', { what: 'delivery' });
    await api.post('/api/resume', { what: 'delivery' });
    expect((await api.get('/api/changes')).body).toMatchObject([
      { action: 'resume', about: 'delivery of all pipelines', outcome: 'done' },
      { action: 'pause', about: 'delivery of all pipelines', outcome: 'done' },
      {
        action: 'retry',
        about: 'all of access-logs',
        outcome: '1 order with 5 records is back in the queue.',
      },
    ]);
  });

  test('pause and resume, and the headline says who did', async () => {
    const bench = await open();
    const api = await openDashboard(bench);
    await api.overviewWhere(isRead);
    const paused = await api.post('/api/pause', { what: 'delivery' });
    expect(pausesSchema.parse(paused.body)).toMatchObject([{ what: 'delivery', pipeline: null }]);
    const overview = overviewSchema.parse((await api.get('/api/overview')).body);
    expect(overview.headline).toMatchObject({
      tone: 'warning',
      text: expect.stringMatching(/^Delivery paused by /),
    });
    const resumed = await api.post('/api/resume', { what: 'delivery' });
    expect(resumed.body).toEqual([]);
  });
});

describe('the events of the dashboard', () => {
  test('begin with the overview, tell of failures as they come, and end with the dashboard', async () => {
    const bench = await open();
    const api = await openDashboard(bench);
    const seen: string[] = [];
    await bench.here.addRecords({ bucket: 'videos', target: `${bench.target}-gone`, count: 5 });
    const listening = (async () => {
      for await (const { name, data } of api.events()) {
        seen.push(name);
        if (name === 'failures') {
          expect(data).toEqual({ pipeline: 'access-logs' });
          await api.dashboard.close();
        }
      }
    })();
    await deliverAll(bench);
    await listening;
    expect(seen[0]).toBe('overview');
    expect(seen).toContain('failures');
  });
});
