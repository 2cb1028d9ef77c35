import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startS3 } from '../../src/embedded/s3.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { Receipt } from '../../src/pipelines/pipeline.js';
import { openTestStore, type TestStore } from '../support/access-logs.js';
import { startHttpProxy, type Fate, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';

const PREFIX_RECORDS = 20;
const LATE_RECORDS = 3;
const insertedAt = `${new Date(Date.now() - 3_600_000).toISOString().slice(0, 19)}Z`;

type Step = 'CreateMultipartUpload' | 'UploadPart' | 'CompleteMultipartUpload' | 'PutObject' | 'other';

function stepOf({ method, url }: ProxiedRequest): Step {
  const query = new URL(url, 'http://s3').searchParams;
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method !== 'PUT') return 'other';
  return query.has('partNumber') ? 'UploadPart' : 'PutObject';
}

/** What S3 servers there are: with conditional writes and without, told so or finding out. */
const servers = [
  { conditionalWrites: true, setting: 'auto' },
  { conditionalWrites: true, setting: 'on' },
  { conditionalWrites: true, setting: 'off' },
  { conditionalWrites: false, setting: 'auto' },
  { conditionalWrites: false, setting: 'off' },
] as const;

let dir: string;
let clickhouse: Engine;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-superseded-'));
  clickhouse = await startClickHouse({ dir: join(dir, 'clickhouse') });
});

afterAll(async () => {
  await clickhouse.stop();
  await rm(dir, { recursive: true });
});

describe.each(servers)(
  'invariant 3: on S3 (conditional writes: $conditionalWrites, s3.conditional-writes: $setting)',
  ({ conditionalWrites, setting }) => {
    let s3: Engine;
    let proxy: HttpProxy;
    let store: TestStore;
    /** The processor that is presumed dead: its requests go through the proxy. */
    let slow: TestStore;

    beforeAll(async () => {
      s3 = await startS3({ dir: join(dir, `s3-${String(conditionalWrites)}-${setting}`), conditionalWrites });
      proxy = await startHttpProxy(s3.url);
    });

    afterAll(async () => {
      await proxy.close();
      await s3.stop();
    });

    beforeEach(async () => {
      proxy.reset();
      // The large objects here have some 12 MB.
      const flags = { 's3.conditional-writes': setting, 's3.part-size-bytes': String(8 * 1024 * 1024) };
      store = await openTestStore({ clickhouseUrl: clickhouse.url, s3Url: s3.url }, flags);
      slow = await store.another({ 's3.endpoint': proxy.url, 's3.max-retry-attempts': '1' });
      await store.createBucket('target-logs').catch(() => undefined);
    });

    afterEach(async () => {
      await store.close();
    });

    async function ordered(padding = 0): Promise<AccessLogOrder> {
      await insert(PREFIX_RECORDS, padding);
      const [order] = (await store.discover()).orders;
      if (order === undefined) throw new Error('nothing was ordered');
      return order;
    }

    const bucketName = (): string => `source-${store.settings['clickhouse.database'].replaceAll('_', '-')}`;

    async function insert(count: number, padding = 0, req?: string): Promise<void> {
      await store.insertRecords(
        Array.from({ length: count }, (_, index) => ({
          insertedAt,
          bucketName: bucketName(),
          loggingTargetPrefix: `${bucketName()}/`,
          userAgent: 'x'.repeat(padding),
          req_id: `A${req ?? 'R'}${String(index).padStart(3, '0')}`,
        })),
      );
    }

    /** Late records stand inside the order's range: before its last one. */
    const insertLate = (padding = 0): Promise<void> => insert(LATE_RECORDS, padding, '-LATE');

    async function objectsOf(): Promise<readonly string[][]> {
      const objects = await store.readObjects('target-logs');
      return objects.filter(({ key }) => key.startsWith(`${bucketName()}/`)).map(({ ids }) => [...ids]);
    }

    /** Delivers by the slow processor, whose request of a kind is held until the returned function is called. */
    function holdAt(
      order: AccessLogOrder,
      step: Step,
    ): { held: Promise<void>; letGo: () => Promise<Receipt> } {
      let release: () => void = () => undefined;
      const opened = new Promise<void>((resolve) => {
        release = resolve;
      });
      let delivery: Promise<Receipt>;
      const held = new Promise<void>((resolve, reject) => {
        let isFirst = true;
        proxy.rule(async (request): Promise<Fate> => {
          if (stepOf(request) !== step || !isFirst) return { kind: 'pass' };
          isFirst = false;
          resolve();
          await opened;
          return { kind: 'pass' };
        });
        delivery = slow.deliver(order);
        delivery.catch(reject);
      });
      return {
        held,
        letGo: async () => {
          release();
          return delivery;
        },
      };
    }

    const small =
      setting === 'on'
        ? (['PutObject'] as const)
        : (['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const);

    test.each(small)(
      'a processor that wakes up at its %s cannot shrink what another one delivered with late records',
      async (step) => {
        const order = await ordered();
        const { held, letGo } = holdAt(order, step);
        await held;
        await insertLate();
        const receipt = await store.deliver(order);
        await store.pipeline.commit(order, receipt);
        expect(receipt.records).toBe(PREFIX_RECORDS + LATE_RECORDS);
        await expect(letGo()).rejects.toThrow(/another one|delivered with 23 records|upload/i);
        expect((await objectsOf()).map((ids) => ids.length)).toEqual([PREFIX_RECORDS + LATE_RECORDS]);
        expect(await store.book.all()).toMatchObject([{ state: 'delivered', deliveredRecords: 23 }]);
      },
    );

    test('nor can it with a large object, in several parts', async () => {
      const padding = 600_000;
      const order = await ordered(padding);
      const { held, letGo } = holdAt(order, 'CompleteMultipartUpload');
      await held;
      await insertLate(padding);
      await store.pipeline.commit(order, await store.deliver(order));
      await expect(letGo()).rejects.toThrow(/another one|delivered with 23 records|upload/i);
      expect((await objectsOf()).map((ids) => ids.length)).toEqual([PREFIX_RECORDS + LATE_RECORDS]);
    });

    test('nor when the other one delivered twice, the second time with late records', async () => {
      const order = await ordered();
      const step = setting === 'on' ? 'PutObject' : 'CompleteMultipartUpload';
      const { held, letGo } = holdAt(order, step);
      await held;
      await store.pipeline.commit(order, await store.deliver(order));
      await insertLate();
      await store.pipeline.commit(order, await store.deliver(order));
      await expect(letGo()).rejects.toThrow(/another one|delivered with 23 records|upload/i);
      expect((await objectsOf()).map((ids) => ids.length)).toEqual([PREFIX_RECORDS + LATE_RECORDS]);
      const [entry] = await store.book.all();
      expect(entry?.deliveries.map(({ records }) => records)).toEqual([20, 23]);
    });

    test('two that deliver the same records at once make one object, and both are told so', async () => {
      const order = await ordered();
      const receipts = await Promise.all([store.deliver(order), slow.deliver(order)]);
      expect(receipts[0]).toEqual(receipts[1]);
      expect(await objectsOf()).toHaveLength(1);
    });

    test('an answer that was lost is no failure: the object is found to be there', async () => {
      const order = await ordered();
      const last = setting === 'on' ? 'PutObject' : 'CompleteMultipartUpload';
      const patient = await store.another({ 's3.endpoint': proxy.url, 's3.max-retry-attempts': '3' });
      let drops = 1;
      proxy.rule((request) => ({ kind: stepOf(request) === last && drops-- > 0 ? 'drop' : 'pass' }));
      const receipt = await patient.deliver(order);
      expect(receipt).toMatchObject({ records: PREFIX_RECORDS, objects: [{ records: PREFIX_RECORDS }] });
      expect(await objectsOf()).toHaveLength(1);
    });

    test('a delivered order is delivered again only when late records have joined it', async () => {
      const order = await ordered();
      await store.pipeline.commit(order, await store.deliver(order));
      expect((await store.deliver(order)).already).toBe('delivered');
      await insertLate();
      expect((await store.deliver(order)).already).toBeUndefined();
    });

    test('a processor finds out by itself whether S3 honours conditions, with its first object', async () => {
      const order = await ordered();
      await slow.deliver(order);
      proxy.reset();
      await insert(1, 0, 'Z');
      const [second] = (await store.discover()).orders;
      if (second === undefined) throw new Error('nothing was ordered');
      await slow.deliver(second);
      const steps = proxy.requests.map(stepOf);
      const single = setting === 'on' || (setting === 'auto' && conditionalWrites);
      expect(steps).toEqual(
        single ? ['PutObject'] : ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'],
      );
    });
  },
);

describe('invariant 3: when records of a delivered order may have reached the end of their retention', () => {
  test('it is not delivered again, although late records have joined it', async () => {
    const s3 = await startS3({ dir: join(dir, 's3-expired') });
    const flags = { 'retention.record-hours': '1' };
    const store = await openTestStore({ clickhouseUrl: clickhouse.url, s3Url: s3.url }, flags);
    try {
      await store.createBucket('target-logs');
      const record = (id: string) => ({ insertedAt, req_id: id, bucketName: 'source-expired' });
      await store.insertRecords(['A', 'B', 'D'].map(record));
      const [order] = (await store.discover()).orders;
      if (order === undefined) throw new Error('nothing was ordered');
      await store.pipeline.commit(order, await store.deliver(order));
      await store.insertRecords([record('C')]);
      expect(await store.deliver(order)).toMatchObject({ already: 'delivered', records: 3 });
    } finally {
      await store.close();
      await s3.stop();
    }
  });
});

describe('invariant 3: when ClickHouse has fewer records than what was delivered', () => {
  test('nothing is replaced, whether the book knows of the delivery or not', async () => {
    const s3 = await startS3({ dir: join(dir, 's3-fewer') });
    const store = await openTestStore({ clickhouseUrl: clickhouse.url, s3Url: s3.url });
    try {
      await store.createBucket('target-logs');
      await store.insertRecords(
        ['A', 'B', 'D'].map((id) => ({ insertedAt, req_id: id, bucketName: 'source-fewer' })),
      );
      const [order] = (await store.discover()).orders;
      if (order === undefined) throw new Error('nothing was ordered');
      await store.insertRecords([{ insertedAt, req_id: 'C', bucketName: 'source-fewer' }]);
      // The processor dies here: the object is there, the book does not know it.
      expect(await store.deliver(order)).toMatchObject({ records: 4 });
      await store.command(
        `ALTER TABLE ${store.tables.logs} DELETE WHERE req_id = 'C' SETTINGS mutations_sync = 2`,
      );
      await expect(store.deliver(order)).rejects.toThrow(/another one 4|delivered with 4 records/);
      expect((await store.readObjects('target-logs')).map(({ ids }) => ids)).toEqual([['A', 'B', 'C', 'D']]);
    } finally {
      await store.close();
      await s3.stop();
    }
  });
});
