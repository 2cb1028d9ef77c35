import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failureOf } from '../../src/pipelines/errors.js';
import type { FileStore } from '../../src/destinations/file-store.js';
import { Book } from '../../src/pipelines/reports/book/book.js';
import { Inputs } from '../../src/pipelines/reports/inputs.js';
import {
  cat,
  deliverAll,
  delivering,
  discovering,
  filesBelow,
  noSignal,
  testReports,
  zstdcat,
  type TestReports,
} from '../support/reports.js';
import { someReports, writeSegment } from '../support/segments.js';

let reports: TestReports;

beforeEach(async () => {
  reports = await testReports();
});

afterEach(async () => {
  await reports.stop();
});

async function sealed(): Promise<readonly string[]> {
  return (await readdir(reports.spool)).filter((name) => name.endsWith('.sealed'));
}

describe('a sealed segment', () => {
  test('becomes a file of JSON lines that Debian reads, and leaves the spool', async () => {
    const given = someReports(5000);
    await writeSegment(reports.spool, 1, given);
    const pipeline = reports.process();
    expect(await deliverAll(pipeline)).toBe(1);
    expect(await sealed()).toEqual([]);
    const path = join(reports.archive, 'reports-2026-05-01T12-00-00.000Z.jsonl.zst');
    expect(await zstdcat(path)).toBe(given.map(({ line }) => `${line}\n`).join(''));
    expect(await pipeline.status()).toMatchObject({
      undeliveredRecords: 0,
      orders: { open: 0, delivered: 1 },
    });
    expect(await pipeline.audit({ deep: true })).toMatchObject({
      ...{ records: 5000, delivered: 5000, missing: 0, duplicated: 0, undelivered: 0, objects: 1 },
    });
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await stat(reports.archive)).mode & 0o777).toBe(0o750);
  });

  test('makes one order, however many discover it at the same time', async () => {
    await writeSegment(reports.spool, 1, someReports(10));
    await writeSegment(reports.spool, 2, someReports(10));
    const all = await Promise.all([1, 2, 3, 4].map(() => reports.process().discover(discovering())));
    const ids = new Set(all.flatMap(({ orders }) => orders.map(({ id }) => id)));
    expect(ids.size).toBe(2);
    const open = await reports.process().outstanding({ shard: 0, shards: 1 });
    expect(open.map(({ rank }) => rank).sort()).toEqual([0, 1]);
    await deliverAll(reports.process());
    expect(await filesBelow(reports.archive)).toHaveLength(2);
  });

  test('makes the same file, byte for byte, each time', async () => {
    await writeSegment(reports.spool, 1, someReports(20_000));
    const pipeline = reports.process();
    const { orders } = await pipeline.discover(discovering());
    const [order] = orders;
    if (order === undefined) throw new Error('there is no order');
    const first = await pipeline.deliver(order, delivering());
    await rm(reports.archive, { recursive: true });
    await mkdir(reports.archive);
    expect(await reports.process().deliver(order, delivering())).toEqual(first);
  });

  test('is delivered from several processes at once as from one', async () => {
    await writeSegment(reports.spool, 1, someReports(3000));
    const { orders } = await reports.process().discover(discovering());
    const [order] = orders;
    if (order === undefined) throw new Error('there is no order');
    await Promise.all(
      [1, 2, 3].map(async () => {
        const pipeline = reports.process();
        const receipt = await pipeline.deliver(order, delivering());
        if (receipt.already === undefined) await pipeline.commit(order, receipt);
      }),
    );
    expect((await cat(reports.parts())).found).toHaveLength(3000);
    expect(await reports.process().audit({ deep: true })).toMatchObject({ missing: 0, duplicated: 0 });
  });

  test('that is damaged is told of, and never removed', async () => {
    const name = await writeSegment(reports.spool, 1, someReports(100));
    await truncate(join(reports.spool, name), 3000);
    const pipeline = reports.process();
    const { orders } = await pipeline.discover(discovering());
    const [order] = orders;
    if (order === undefined) throw new Error('there is no order');
    const error: unknown = await pipeline.deliver(order, delivering()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ permanent: true });
    await pipeline.fail(order, failureOf(error));
    expect(await pipeline.failures()).toMatchObject([{ code: 'BrokenInput', orders: 1 }]);
    await deliverAll(pipeline);
    expect(await sealed()).toEqual([name]);
  });

  test('never replaces a file with other reports', async () => {
    const path = join(reports.archive, 'reports-2026-05-01T12-00-00.000Z.jsonl.zst');
    await writeSegment(reports.spool, 1, someReports(10));
    await deliverAll(reports.process());
    const before = await readFile(path);
    await rm(join(reports.spool, 'book'), { recursive: true });
    await writeSegment(reports.spool, 1, someReports(10, '2026-05-01T12:00:00.000Z', 500));
    await expect(deliverAll(reports.process())).rejects.toMatchObject({
      permanent: true,
      failures: [{ code: 'FileTaken' }],
    });
    expect(await readFile(path)).toEqual(before);
  });
});

describe('a process that dies', () => {
  /** A store that stops the process before or after a file is there. */
  function dyingStore(store: FileStore, when: 'before' | 'after'): FileStore {
    return {
      kind: store.kind,
      place: store.place,
      put: async (...given) => {
        if (when === 'before') throw new Error('killed');
        await store.put(...given);
        throw new Error('killed');
      },
      read: (...given) => store.read(...given),
      head: (...given) => store.head(...given),
      list: (...given) => store.list(...given),
      remove: (...given) => store.remove(...given),
      check: (...given) => store.check(...given),
    };
  }

  class DyingInputs extends Inputs {
    override remove(): Promise<void> {
      return Promise.reject(new Error('killed'));
    }
  }

  class DyingBook extends Book {
    override async delivered(...given: Parameters<Book['delivered']>): Promise<void> {
      await super.delivered(...given);
      throw new Error('killed');
    }
  }

  test.each([
    'before a file is there',
    'after it',
    'between the book and the spool',
    'before the segment is removed',
  ])('%s leaves each report once', async (moment) => {
    await writeSegment(reports.spool, 1, someReports(700));
    const killed = reports.process(({ store, spool, log }) => {
      if (moment === 'before a file is there') return { store: dyingStore(store, 'before') };
      if (moment === 'after it') return { store: dyingStore(store, 'after') };
      if (moment === 'before the segment is removed') return { inputs: new DyingInputs(spool) };
      return { book: new DyingBook({ folder: join(spool, 'book'), writer: 'w', retentionDays: 30, log }) };
    });
    await expect(deliverAll(killed)).rejects.toThrow('killed');
    expect(await sealed()).toHaveLength(1);
    await deliverAll(reports.process());
    expect(await sealed()).toEqual([]);
    const ids = (await cat(reports.parts())).found.map(({ report }) => report);
    expect(ids).toHaveLength(700);
    expect(new Set(ids.map((report) => JSON.stringify(report))).size).toBe(700);
    expect(await reports.process().status()).toMatchObject({ orders: { open: 0, failed: 0, delivered: 1 } });
  });

  test('while it writes the book leaves half a line, which counts for nothing', async () => {
    await writeSegment(reports.spool, 1, someReports(10));
    await reports.process().discover(discovering());
    const [file = ''] = await readdir(join(reports.spool, 'book'));
    await writeFile(join(reports.spool, 'book', file), '\n{"event":"delivered","id":', { flag: 'a' });
    expect(await reports.process().status()).toMatchObject({ orders: { open: 1 } });
    await deliverAll(reports.process());
    expect(await reports.process().status()).toMatchObject({ orders: { open: 0, delivered: 1 } });
  });
});

describe('an order that failed', () => {
  test('waits, is opened again, and delivered', async () => {
    await writeSegment(reports.spool, 1, someReports(10));
    const pipeline = reports.process();
    const { orders } = await pipeline.discover(discovering());
    for (const order of orders)
      await pipeline.fail(order, { code: 'NoSuchBucket', reason: 'r', targets: ['t'], objects: [] });
    expect(await pipeline.outstanding({ shard: 0, shards: 1 })).toEqual([]);
    expect(await reports.process().failed({ group: { code: 'NoSuchBucket', targets: ['t'] } })).toHaveLength(
      1,
    );
    expect(await pipeline.failed({ source: 'other' })).toEqual([]);
    await pipeline.reopen(orders);
    expect(await deliverAll(pipeline)).toBe(1);
    for (const order of orders) await pipeline.fail(order, { code: 'X', reason: 'too late', objects: [] });
    expect(await reports.process().status()).toMatchObject({ orders: { failed: 0, delivered: 1 } });
  });

  test('can be given up: its segment is put aside, and nothing is ordered of it again', async () => {
    const name = await writeSegment(reports.spool, 1, someReports(10));
    const pipeline = reports.process();
    const { orders } = await pipeline.discover(discovering());
    const id = orders[0]?.id ?? '';
    expect(await pipeline.skip(id, { by: 'me', reason: 'r' })).toMatchObject({
      skip: { by: 'me', records: 10 },
    });
    expect(await pipeline.skip(id, { by: 'you', reason: 's' })).toMatchObject({
      already: true,
      skip: { by: 'me' },
    });
    expect(await readdir(join(reports.spool, 'given-up'))).toEqual([name]);
    await copyFile(join(reports.spool, 'given-up', name), join(reports.spool, name));
    expect(await deliverAll(pipeline)).toBe(0);
    expect(await sealed()).toEqual([]);
    await expect(pipeline.skip('0'.repeat(16), { by: 'me', reason: 'r' })).rejects.toThrow('no work order');
  });
});

describe('the pages', () => {
  test('show where a collector stands, its orders, and the first lines of its files', async () => {
    await writeSegment(reports.spool, 1, someReports(10));
    const pipeline = reports.process();
    await deliverAll(pipeline);
    await writeSegment(reports.spool, 2, someReports(7, '2026-05-01T13:00:00.000Z'));
    await pipeline.discover(discovering());
    expect(await pipeline.sources()).toMatchObject({
      sources: [
        {
          source: 'collector',
          waitingRecords: 7,
          oldestAt: '2026-05-01T13:00:00.000Z',
          targets: [reports.archive],
        },
      ],
      orders: { open: 1, delivered: 1 },
    });
    const timeline = await pipeline.timeline('collector', { page: 1, pageSize: 10 });
    expect(timeline.orders.map(({ state }) => state).sort()).toEqual(['delivered', 'open']);
    const delivered = timeline.orders.find(({ state }) => state === 'delivered');
    const head = await pipeline.objectHead?.({ id: delivered?.id ?? '', source: 'collector' }, 0, noSignal);
    expect(head).toMatchObject({ place: reports.archive, truncated: false });
    expect(head?.text.split('\n')).toHaveLength(11);
    const now = Date.now();
    const figures = await pipeline.figures?.(now - 3_600_000, now + 60_000);
    expect(figures).toMatchObject([{ records: 10, objects: 1, failures: 0 }]);
  });
});
