import { describe, expect, test } from '@jest/globals';
import type { Overview, PipelineOverview } from '../../src/dashboard/api/shapes.js';
import {
  changedSchema,
  failuresSchema,
  historySchema,
  objectHeadSchema,
  overviewSchema,
  pausesSchema,
  sourceSchema,
  sourcesSchema,
} from '../support/api-schemas.js';
import { openDashboard, type DashboardApi } from '../support/dashboard-api.js';
import { deliverAll } from '../support/deliveries.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const open = useWorkbench('dashboard-api');

interface Prepared {
  readonly bench: Workbench;
  readonly api: DashboardApi;
  /** A target that is not there. */
  readonly gone: string;
}

/** Ten records of photos delivered, five of videos failed, three of notes not ordered. */
async function prepare(): Promise<Prepared> {
  const bench = await open();
  const { here, target } = bench;
  const gone = `${target}-gone`;
  await here.createBucket(target);
  await here.addRecords({ bucket: 'photos', target, count: 10 });
  await here.addRecords({ bucket: 'videos', target: gone, count: 5, ageSeconds: 100 });
  await deliverAll(bench);
  await here.addRecords({ bucket: 'notes', target, count: 3, ageSeconds: 20 });
  const api = await openDashboard(bench);
  await api.overviewWhere((overview) => isRead(overview) && only(overview).stuckSources === 1);
  return { bench, api, gone };
}

function only({ pipelines }: Overview): PipelineOverview {
  const [pipeline] = pipelines;
  if (pipeline === undefined) throw new Error('there is no pipeline');
  return pipeline;
}

function isRead({ pipelines, engines }: Overview): boolean {
  return engines.length > 0 && pipelines.every(({ readAt }) => readAt !== null);
}

describe('the API of the dashboard', () => {
  test('says in one sentence what is stuck, and in figures how everything stands', async () => {
    const { api } = await prepare();
    const overview = overviewSchema.parse((await api.get('/api/overview')).body);
    expect(overview).toMatchObject({
      version: '1.2.3',
      headline: { tone: 'bad', text: '1 bucket stuck: NoSuchBucket' },
      engines: [
        { engine: 'redis', ok: true, error: null },
        { engine: 'clickhouse', ok: true },
        { engine: 's3', ok: true },
      ],
      pauses: [],
    });
    expect(only(overview)).toMatchObject({
      name: 'access-logs',
      waitingRecords: 8,
      orders: { open: 0, failed: 1, skipped: 0, delivered: 1 },
      stuckSources: 1,
      sources: 3,
      nearRetention: { records: 0, sources: 0, firstEndsAt: null },
      lastDiscoveryAt: expect.any(String),
    });
    expect(only(overview).oldestAgeSeconds).toBeGreaterThanOrEqual(100);
  });

  test('lists every source with its state, searched, sorted and paged', async () => {
    const { api, bench, gone } = await prepare();
    const all = sourcesSchema.parse((await api.get('/api/sources')).body);
    expect(all).toMatchObject({
      ...{ pipeline: 'access-logs', page: 1, total: 3 },
      rows: [
        { source: 'notes', state: 'waiting', waitingRecords: 3, lastDeliveredAt: null, targets: [] },
        { source: 'photos', state: 'delivered', oldestAgeSeconds: null, targets: [bench.target] },
        { source: 'videos', state: 'stuck', waitingRecords: 5, targets: [gone], failureCodes: ['NoSuchBucket'] },
      ],
    });
    const named = async (query: string): Promise<readonly string[]> =>
      sourcesSchema.parse((await api.get(`/api/sources?${query}`)).body).rows.map(({ source }) => source);
    expect(await named('search=OT')).toEqual(['notes', 'photos']);
    expect(await named('search=-gone')).toEqual(['videos']);
    expect(await named('state=stuck')).toEqual(['videos']);
    expect(await named('sort=waitingRecords&direction=desc')).toEqual(['videos', 'notes', 'photos']);
    expect(await named('sort=state')).toEqual(['videos', 'notes', 'photos']);
    expect(await named('sort=lastDeliveredAt&direction=desc')).toEqual(['photos', 'notes', 'videos']);
    expect(await named('pageSize=2&page=2')).toEqual(['videos']);
  });

  test('groups failures by code and target, with since when and how long the records stay', async () => {
    const { api, gone } = await prepare();
    const { groups } = failuresSchema.parse((await api.get('/api/failures?pipeline=access-logs')).body);
    expect(groups).toMatchObject([
      {
        code: 'NoSuchBucket',
        reason: expect.stringContaining('create the bucket'),
        targets: [gone],
        orders: 1,
        records: 5,
        sources: ['videos'],
        sourceCount: 1,
      },
    ]);
    const [group] = groups;
    const kept = Date.parse(group?.retentionEndsAt ?? '') - Date.parse(group?.since ?? '');
    expect(kept).toBeLessThan(72 * 3_600_000);
    expect(kept).toBeGreaterThan(71 * 3_600_000);
  });

  test('tells where the logs of one source are: its orders, its objects, and up to when all is there', async () => {
    const { api, bench, gone } = await prepare();
    const photos = sourceSchema.parse((await api.get('/api/source?source=photos')).body);
    expect(photos).toMatchObject({
      ...{ source: 'photos', state: 'delivered', waitingRecords: 0, totalOrders: 1, retentionEndsAt: null },
      orders: [{ state: 'delivered', records: 10, deliveredRecords: 10, failure: null, skip: null }],
    });
    expect(photos.orders[0]?.objects).toMatchObject([
      { index: 0, place: bench.target, key: (await bench.here.keysIn(bench.target))[0], records: 10 },
    ]);
    expect(Date.parse(photos.completeUpTo ?? '')).toBeGreaterThan(Date.parse(photos.orders[0]?.oldestAt ?? ''));
    const videos = sourceSchema.parse((await api.get('/api/source?source=videos')).body);
    expect(videos).toMatchObject({
      ...{ state: 'stuck', waitingRecords: 5, completeUpTo: null, targets: [gone] },
      orders: [{ state: 'failed', failure: { code: 'NoSuchBucket' }, objects: [] }],
    });
    const notes = sourceSchema.parse((await api.get('/api/source?source=notes')).body);
    expect(notes).toMatchObject({ state: 'waiting', waitingRecords: 3, completeUpTo: null, orders: [] });
    expect(await api.get('/api/source?source=nobody')).toMatchObject({ status: 404 });
  });

  test('pages a timeline, the newest order first, and is complete up to the first record that waits', async () => {
    const { api, bench } = await prepare();
    await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 2, ageSeconds: 5 });
    await deliverAll(bench);
    const page = async (number: number): Promise<unknown> =>
      sourceSchema.parse((await api.get(`/api/source?source=photos&pageSize=1&page=${String(number)}`)).body);
    expect(await page(1)).toMatchObject({ totalOrders: 2, orders: [{ records: 2 }] });
    expect(await page(2)).toMatchObject({ totalOrders: 2, orders: [{ records: 10 }] });
    expect(await page(3)).toMatchObject({ totalOrders: 2, orders: [] });
  });

  test('shows the first lines of an object', async () => {
    const { api } = await prepare();
    const { orders } = sourceSchema.parse((await api.get('/api/source?source=photos')).body);
    const order = orders[0]?.id ?? '';
    const { body } = await api.get(`/api/object-head?source=photos&order=${order}&index=0`);
    const { text, truncated, key } = objectHeadSchema.parse(body);
    expect({ lines: text.split('\n').length - 1, truncated, key }).toEqual({
      lines: 10,
      truncated: false,
      key: orders[0]?.objects[0]?.key,
    });
    expect(text).toContain(' photos ');
    const missing = await api.get(`/api/object-head?source=photos&order=${order}&index=1`);
    expect(missing).toMatchObject({ status: 404, body: { error: expect.any(String) } });
  });

  test.each([
    ['/api/sources?page=0', 'page'],
    ['/api/sources?page=1&page=2', 'page'],
    ['/api/sources?pageSize=501', 'pageSize'],
    ['/api/sources?sort=__proto__', 'sort'],
    ['/api/sources?state[]=stuck', 'state[]'],
    ['/api/sources?pipeline=tables', 'pipeline'],
    ['/api/source', 'source'],
    ['/api/failures?what=1', 'what'],
    ['/api/history?span=year', 'span'],
    ['/api/object-head?source=a&order=../../etc/passwd&index=0', 'order'],
    ['/api/overview?x=1', 'x'],
  ])('names the field that is wrong: %s', async (path, field) => {
    const api = await openDashboard(await open());
    expect(await api.get(path)).toMatchObject({ status: 400, body: { field, error: expect.any(String) } });
  });

  test.each([
    ['/api/retry', { pipeline: 'access-logs' }, undefined],
    ['/api/retry', { pipeline: 'access-logs', all: true, source: 'a' }, undefined],
    ['/api/retry', { pipeline: 'access-logs', all: 'yes' }, 'all'],
    ['/api/retry', { all: true }, 'pipeline'],
    ['/api/retry', [], undefined],
    ['/api/skip', { pipeline: 'access-logs', source: 'a' }, 'reason'],
    ['/api/skip', { pipeline: 'access-logs', source: 'a', reason: 'a\nb' }, 'reason'],
    ['/api/skip', { pipeline: 'access-logs', all: true, reason: 'no' }, 'all'],
    ['/api/pause', { what: 'everything' }, 'what'],
    ['/api/resume', { what: 'delivery', pipeline: 'tables' }, 'pipeline'],
  ])('refuses what is no change: %s %j', async (path, body, field) => {
    const api = await openDashboard(await open());
    const answer = await api.post(path, body);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } });
    expect(answer.body).toHaveProperty('error');
    if (field !== undefined) expect(answer).toMatchObject({ body: { field } });
  });
});

describe('changes by the API', () => {
  test('put the orders of a group back, and the headline recovers when they are delivered', async () => {
    const { api, bench, gone } = await prepare();
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
    const { api } = await prepare();
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
    const again = await api.post('/api/skip', { pipeline: 'access-logs', order: videos.orders[0]?.id, reason });
    expect(again).toMatchObject({ status: 409, body: { error: expect.stringContaining(reason) } });
  });

  test('say so when there is nothing to do, and when there is no such order or group', async () => {
    const { api } = await prepare();
    const pipeline = 'access-logs';
    const nothing = await api.post('/api/retry', { pipeline, source: 'photos' });
    expect(nothing.body).toEqual({ orders: 0, records: 0, message: 'Nothing to retry: no failed order matches.' });
    const order = '0123456789abcdef';
    expect(await api.post('/api/skip', { pipeline, order, reason: 'x' })).toMatchObject({ status: 404 });
    expect(await api.post('/api/retry', { pipeline, group: order })).toMatchObject({ status: 404 });
  });

  test('are noted in the trail, with who and what came of it', async () => {
    const { api } = await prepare();
    await api.post('/api/retry', { pipeline: 'access-logs', all: true });
    await api.post('/api/pause', { what: 'delivery' });
    await api.post('/api/resume', { what: 'delivery' });
    expect((await api.get('/api/changes')).body).toMatchObject([
      { action: 'resume', about: 'delivery of all pipelines', outcome: 'done' },
      { action: 'pause', about: 'delivery of all pipelines', outcome: 'done' },
      { action: 'retry', about: 'all of access-logs', outcome: '1 order with 5 records is back in the queue.' },
    ]);
  });

  test('pause and resume, and the headline says who did', async () => {
    const bench = await open();
    const api = await openDashboard(bench);
    await api.overviewWhere(isRead);
    const paused = await api.post('/api/pause', { what: 'delivery' });
    expect(pausesSchema.parse(paused.body)).toMatchObject([{ what: 'delivery', pipeline: null }]);
    const overview = overviewSchema.parse((await api.get('/api/overview')).body);
    expect(overview.headline).toMatchObject({ tone: 'warning', text: expect.stringMatching(/^Delivery paused by /) });
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

describe('the history of the dashboard', () => {
  test('has what was delivered and failed, minute by minute, without a gap', async () => {
    const { api } = await prepare();
    const { points, ...history } = historySchema.parse((await api.get('/api/history?span=day')).body);
    expect(history).toEqual({ pipeline: 'access-logs', span: 'day', stepSeconds: 60 });
    expect(points).toHaveLength(1440);
    const times = points.map(({ at }) => Date.parse(at));
    expect(new Set(times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toEqual(new Set([60_000]));
  });
});
