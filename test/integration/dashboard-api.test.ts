import { describe, expect, test } from '@jest/globals';
import {
  failuresSchema,
  historySchema,
  objectHeadSchema,
  overviewSchema,
  sourceSchema,
  sourcesSchema,
} from '../support/api-schemas.js';
import { openDashboard } from '../support/dashboard-api.js';
import { deliverAll } from '../support/deliveries.js';
import { useWorkbench } from '../support/test-workbench.js';
import { only, threeSources } from '../support/three-sources.js';

const open = useWorkbench('dashboard-api');

describe('the API of the dashboard', () => {
  test('says in one sentence what is stuck, and in figures how everything stands', async () => {
    const { api } = await threeSources(await open());
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
    const { api, bench, gone } = await threeSources(await open());
    const all = sourcesSchema.parse((await api.get('/api/sources')).body);
    expect(all).toMatchObject({
      ...{ pipeline: 'access-logs', page: 1, total: 3 },
      rows: [
        { source: 'notes', state: 'waiting', waitingRecords: 3, lastDeliveredAt: null, targets: [] },
        { source: 'photos', state: 'delivered', oldestAgeSeconds: null, targets: [bench.target] },
        {
          source: 'videos',
          state: 'stuck',
          waitingRecords: 5,
          targets: [gone],
          failureCodes: ['NoSuchBucket'],
        },
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
    const { api, gone } = await threeSources(await open());
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
    const { api, bench, gone } = await threeSources(await open());
    const photos = sourceSchema.parse((await api.get('/api/source?source=photos')).body);
    expect(photos).toMatchObject({
      ...{ source: 'photos', state: 'delivered', waitingRecords: 0, totalOrders: 1, retentionEndsAt: null },
      orders: [{ state: 'delivered', records: 10, deliveredRecords: 10, failure: null, skip: null }],
    });
    expect(photos.orders[0]?.objects).toMatchObject([
      { index: 0, place: bench.target, key: (await bench.here.keysIn(bench.target))[0], records: 10 },
    ]);
    expect(Date.parse(photos.completeUpTo ?? '')).toBeGreaterThan(
      Date.parse(photos.orders[0]?.oldestAt ?? ''),
    );
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
    const { api, bench } = await threeSources(await open());
    await bench.here.addRecords({ bucket: 'photos', target: bench.target, count: 2, ageSeconds: 5 });
    await deliverAll(bench);
    const page = async (number: number): Promise<unknown> =>
      sourceSchema.parse((await api.get(`/api/source?source=photos&pageSize=1&page=${String(number)}`)).body);
    expect(await page(1)).toMatchObject({ totalOrders: 2, orders: [{ records: 2 }] });
    expect(await page(2)).toMatchObject({ totalOrders: 2, orders: [{ records: 10 }] });
    expect(await page(3)).toMatchObject({ totalOrders: 2, orders: [] });
  });

  test('shows the first lines of an object', async () => {
    const { api, bench } = await threeSources(await open());
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
    await bench.here.deleteBucket(bench.target);
    const refused = await api.get(`/api/object-head?source=photos&order=${order}&index=0`);
    expect(refused).toMatchObject({ status: 502, body: { error: expect.stringContaining('NoSuchBucket') } });
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

describe('the history of the dashboard', () => {
  test('has what was delivered and failed, minute by minute, without a gap', async () => {
    const { api } = await threeSources(await open());
    const { points, ...history } = historySchema.parse((await api.get('/api/history?span=day')).body);
    expect(history).toEqual({ pipeline: 'access-logs', span: 'day', stepSeconds: 60 });
    expect(points).toHaveLength(1440);
    const times = points.map(({ at }) => Date.parse(at));
    expect(new Set(times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toEqual(
      new Set([60_000]),
    );
  });
});
