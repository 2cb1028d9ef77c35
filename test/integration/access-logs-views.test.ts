import { describe, expect, test } from '@jest/globals';
import { revisionOf, rowOf, type Outcome } from '../../src/pipelines/access-logs/book-row.js';
import type { Delivery } from '../../src/pipelines/pipeline.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import type { SourceFigures } from '../../src/pipelines/views.js';
import { deliverAll, tryOpenOrders } from '../support/deliveries.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const open = useWorkbench('access-logs-views');

async function sourcesOf({ here }: Workbench): Promise<Readonly<Record<string, SourceFigures>>> {
  const { sources } = await here.pipeline.sources();
  return Object.fromEntries(sources.map((figures) => [figures.source, figures]));
}

describe('the table of sources', () => {
  test('counts each record that waits once, ordered or not, on all raft sessions, look after look', async () => {
    const bench = await open();
    const { here, target } = bench;
    await here.addRecords({ bucket: 'videos', target: `${target}-gone`, count: 5, ageSeconds: 4000 });
    await deliverAll(bench);
    expect(await sourcesOf(bench)).toMatchObject({ videos: { waitingRecords: 5, lastDeliveredAt: null } });
    await here.addRecords({ bucket: 'videos', target, count: 3, ageSeconds: 30 });
    await here.addRecords({ bucket: 'videos', target, count: 2, raftSession: 9, ageSeconds: 20 });
    expect(await sourcesOf(bench)).toMatchObject({ videos: { waitingRecords: 10 } });
    expect(await sourcesOf(bench)).toMatchObject({ videos: { waitingRecords: 10 } });
    await bench.discover();
    const { videos } = await sourcesOf(bench);
    expect(videos?.waitingRecords).toBe(10);
    expect(Date.now() - Date.parse(videos?.oldestAt ?? '')).toBeGreaterThan(3_900_000);
  });

  test('learns of deliveries and of new sources as they come', async () => {
    const bench = await open();
    const { here, target } = bench;
    expect(await sourcesOf(bench)).toEqual({});
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 5 });
    expect(await sourcesOf(bench)).toMatchObject({ photos: { waitingRecords: 5, targets: [] } });
    await deliverAll(bench);
    const { photos } = await sourcesOf(bench);
    expect(photos).toMatchObject({ waitingRecords: 0, oldestAt: null, targets: [target] });
    expect(Math.abs(Date.parse(photos?.lastDeliveredAt ?? '') - Date.now())).toBeLessThan(600_000);
  });

  test('finds what waits without the view on the logs too', async () => {
    const bench = await open();
    const { here, target } = bench;
    const { clickhouse, settings } = here.store;
    await clickhouse.command(`DROP VIEW ${tablesOf(settings).arrivals}_mv`, { doing: 'remove the view' });
    await here.addRecords({ bucket: 'photos', target, count: 5 });
    expect(await sourcesOf(bench)).toMatchObject({ photos: { waitingRecords: 5 } });
    await here.addRecords({ bucket: 'notes', target, count: 4, ageSeconds: 5 });
    expect(await sourcesOf(bench)).toMatchObject({
      photos: { waitingRecords: 5 },
      notes: { waitingRecords: 4 },
    });
  });

  test('leaves out what did arrive in some of the targets of an order that failed', async () => {
    const bench = await open();
    const { here, target } = bench;
    await here.createBucket(target);
    await here.addRecords({ bucket: 'photos', target, count: 4, ageSeconds: 60 });
    await here.addRecords({ bucket: 'photos', target: `${target}-gone`, count: 3, ageSeconds: 90 });
    await deliverAll(bench);
    expect(await sourcesOf(bench)).toMatchObject({ photos: { waitingRecords: 3 } });
    expect(await here.pipeline.failures()).toMatchObject([{ records: 3, targets: [`${target}-gone`] }]);
  });
});

describe('failures', () => {
  test('are told with since when, however often they were tried again', async () => {
    const bench = await open();
    const { here, target } = bench;
    await here.addRecords({ bucket: 'videos', target, count: 5 });
    await deliverAll(bench);
    const [first] = await here.pipeline.failures();
    await here.pipeline.reopen((await here.pipeline.failed({})).map(({ order }) => order));
    await bench.discover();
    await tryOpenOrders(bench);
    const [again, ...others] = await here.pipeline.failures();
    expect(others).toEqual([]);
    expect(again).toEqual(first);
    const group = { code: 'NoSuchBucket', targets: [target] };
    expect(await here.pipeline.failed({ group })).toHaveLength(1);
    expect(await here.pipeline.failed({ group: { ...group, targets: [] } })).toEqual([]);
  });

  test('of many sources, days and reasons are grouped by code and target', async () => {
    const bench = await open();
    const { here } = bench;
    for (const bucket of ['a', 'b', 'c']) await here.addRecords({ bucket, target: 'logs', count: 2 });
    await bench.discover();
    const failure = { code: 'AccessDenied', reason: 'not allowed', objects: [] };
    for (const order of await bench.open())
      await here.pipeline.fail(order, { ...failure, targets: order.source === 'c' ? ['other'] : ['logs'] });
    expect(await here.pipeline.failures()).toMatchObject([
      { code: 'AccessDenied', targets: ['logs'], orders: 2, records: 4, sources: ['a', 'b'] },
      { code: 'AccessDenied', targets: ['other'], orders: 1, records: 2, sources: ['c'] },
    ]);
  });
});

describe('figures by minute', () => {
  const minute = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

  test('count an order once, a later delivery of it by what it has more, and failures', async () => {
    const bench = await open();
    const { here, target } = bench;
    for (const bucket of ['failed', 'first', 'again']) await here.addRecords({ bucket, target, count: 5 });
    await bench.discover();
    const orders = new Map((await bench.open()).map((order) => [order.source, order]));
    const { clickhouse, settings } = here.store;
    const object = { bucket: target, prefix: '', key: 'k', records: 5, bytes: 1, sha256: '' };
    const rowAt = (
      source: string,
      state: 'failed' | 'delivered',
      updatedAtMs: number,
      outcome: Outcome,
    ): object => {
      const order = orders.get(source);
      if (order === undefined) throw new Error(`${source} was not ordered`);
      const times = {
        oldestAt: new Date(minute - 90_000).toISOString().replace('.000Z', 'Z'),
        orderedAt: new Date(minute - 80_000).toISOString(),
      };
      const revision = revisionOf(state, 1, outcome.deliveredRecords);
      return rowOf({ ...order, ...times }, state, revision, 'test', { ...outcome, updatedAtMs });
    };
    const delivery = (records: number): Delivery => ({
      at: new Date(minute).toISOString(),
      ...{ records, bytes: 1, by: 'test' },
    });
    const first = { deliveredRecords: 5, objects: [object], deliveries: [delivery(5)] };
    const again = { deliveredRecords: 7, objects: [object], deliveries: [delivery(5), delivery(7)] };
    const rows = [
      rowAt('failed', 'failed', minute - 60_000, { failureCode: 'X' }),
      rowAt('first', 'delivered', minute + 5000, first),
      rowAt('first', 'delivered', minute + 6000, first),
      rowAt('again', 'delivered', minute + 65_000, again),
    ];
    // As blocks of their own: rows of one block are replaced at once.
    for (const row of rows)
      await clickhouse.insert(tablesOf(settings).workOrders, [row], { doing: 'write rows' });
    const said = await here.pipeline.figures?.(minute - 120_000, minute + 120_000);
    const at = (ms: number): string => new Date(ms).toISOString();
    const none = { lagP50Seconds: null, lagP99Seconds: null };
    expect(said).toEqual([
      { at: at(minute - 60_000), records: 0, objects: 0, failures: 1, ...none },
      { at: at(minute), records: 5, objects: 1, failures: 0, lagP50Seconds: 96, lagP99Seconds: 96 },
      { at: at(minute + 60_000), records: 2, objects: 1, failures: 0, ...none },
    ]);
    expect(await here.pipeline.figures?.(minute + 120_000, minute + 180_000)).toEqual([]);
  });
});
