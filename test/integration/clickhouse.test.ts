import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ClickHouse } from '../../src/clickhouse/client.js';
import { ClickHouseQueryError, ClickHouseUnreachableError } from '../../src/clickhouse/errors.js';
import { applySchema, checkSchema, SchemaError } from '../../src/clickhouse/schema.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import { silentLog } from '../../src/observability/log.js';
import { startHttpProxy, type HttpProxy } from '../support/http-proxy.js';

let dir: string;
let engine: Engine;
let proxy: HttpProxy;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-clickhouse-'));
  engine = await startClickHouse({ dir: join(dir, 'first') });
  proxy = await startHttpProxy(engine.url);
});

beforeEach(() => {
  proxy.reset();
});

afterAll(async () => {
  await proxy.close();
  await engine.stop();
  await rm(dir, { recursive: true });
});

function settingsWith(flags: Readonly<Record<string, string>>): Settings {
  return loadSettings({ flags: { 'clickhouse.url': engine.url, ...flags }, environment: {} }).settings;
}

/** Uses a client and closes it. */
async function using<Result>(
  settings: Settings,
  use: (clickhouse: ClickHouse) => Promise<Result>,
): Promise<Result> {
  const clickhouse = new ClickHouse(settings, silentLog());
  try {
    return await use(clickhouse);
  } finally {
    await clickhouse.close();
  }
}

const one = z.object({ n: z.number() });
const select = (clickhouse: ClickHouse, sql: string, signal?: AbortSignal) =>
  clickhouse.query(one, sql, { doing: 'look', ...(signal === undefined ? {} : { signal }) });

/** An address where nobody listens. */
const NOWHERE = 'http://127.0.0.1:1';

describe('the schema', () => {
  test('is missing until it is applied, and applied once', async () => {
    const settings = settingsWith({ 'clickhouse.database': 'schema_once' });
    await using(settings, async (clickhouse) => {
      const check = checkSchema(clickhouse, settings);
      await expect(check).rejects.toThrow(SchemaError);
      await expect(check).rejects.toThrow(/has schema version 0, this program needs 4; run .*schema apply/);
      expect(await applySchema(clickhouse, settings)).toEqual({
        applied: ['001-access-logs', '002-recovery', '003-arrivals', '004-failures'],
        version: 4,
      });
      await checkSchema(clickhouse, settings);
      expect(await applySchema(clickhouse, settings)).toEqual({ applied: [], version: 4 });
      await clickhouse.command(`DROP TABLE ${tablesOf(settings).schemaVersions}`, { doing: 'drop' });
      await expect(checkSchema(clickhouse, settings)).rejects.toThrow(SchemaError);
    });
  });

  test('may be applied by two processes at once, and again after a run that was interrupted', async () => {
    const settings = settingsWith({ 'clickhouse.database': 'schema_twice' });
    await using(settings, async (clickhouse) =>
      using(settings, async (another) => {
        await Promise.all([applySchema(clickhouse, settings), applySchema(another, settings)]);
        const tables = `SELECT count() AS n FROM system.tables WHERE database = 'schema_twice'`;
        const all = await select(clickhouse, tables);
        await clickhouse.command(`TRUNCATE TABLE ${tablesOf(settings).schemaVersions}`, { doing: 'forget' });
        await clickhouse.command(`DROP TABLE ${tablesOf(settings).workOrders}`, { doing: 'drop' });
        await applySchema(clickhouse, settings);
        expect(await select(clickhouse, tables)).toEqual(all);
      }),
    );
  });

  test.each(['default', 'federation'])(
    'in the %s layout: records that shippers insert arrive in the logs',
    async (layout) => {
      const settings = settingsWith({
        'clickhouse.database': `ingest_${layout}`,
        'clickhouse.table-layout': layout,
      });
      const { ingest, logs } = tablesOf(settings);
      await using(settings, async (clickhouse) => {
        await applySchema(clickhouse, settings);
        const record = { startTime: '2026-01-02T03:04:05.678Z', bucketName: 'b', req_id: 'R' };
        await clickhouse.insert(ingest, [record], { doing: 'ship' });
        const sql = `SELECT toUnixTimestamp64Milli(startTime) AS n FROM ${logs}
          WHERE bucketName = 'b' AND req_id = 'R' AND NOT loggingEnabled AND insertedAt > now() - 60`;
        expect(await select(clickhouse, sql)).toEqual([{ n: Date.parse(record.startTime) }]);
      });
    },
  );
});

describe('the client', () => {
  test('goes on with the next host when one is down, and stays there', async () => {
    const second = await startClickHouse({ dir: join(dir, 'second') });
    await using(settingsWith({ 'clickhouse.url': `${second.url},${proxy.url}` }), async (clickhouse) => {
      expect(await select(clickhouse, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      expect(proxy.requests).toHaveLength(0);
      await second.kill();
      expect(await select(clickhouse, 'SELECT 2 AS n')).toEqual([{ n: 2 }]);
      await clickhouse.ping();
      expect(proxy.requests).toHaveLength(2);
    });
  });

  test('names host and setting when nobody answers', async () => {
    await using(settingsWith({ 'clickhouse.url': `${NOWHERE},http://127.0.0.1:2` }), async (clickhouse) => {
      const asking = select(clickhouse, 'SELECT 1 AS n');
      await expect(asking).rejects.toThrow(ClickHouseUnreachableError);
      await expect(asking).rejects.toThrow(
        /^look: no answer from ClickHouse at http:\/\/127\.0\.0\.1:1, http:\/\/127\.0\.0\.1:2 .*check clickhouse\.url/,
      );
    });
  });

  test.each([
    ['a connection that is reset', { kind: 'reset' }],
    ['an answer that is lost', { kind: 'drop' }],
  ] as const)('takes %s for a host that is away', async (_, fate) => {
    proxy.rule(() => fate);
    await using(settingsWith({ 'clickhouse.url': proxy.url }), async (clickhouse) => {
      await expect(select(clickhouse, 'SELECT 1 AS n')).rejects.toThrow(ClickHouseUnreachableError);
    });
    await using(settingsWith({ 'clickhouse.url': `${proxy.url},${engine.url}` }), async (clickhouse) => {
      expect(await select(clickhouse, 'SELECT 3 AS n')).toEqual([{ n: 3 }]);
    });
  });

  test('gives up a host that is silent for longer than clickhouse.timeout-seconds', async () => {
    proxy.rule(() => new Promise(() => undefined));
    const settings = settingsWith({ 'clickhouse.url': proxy.url, 'clickhouse.timeout-seconds': '1' });
    await using(settings, async (clickhouse) => {
      await expect(select(clickhouse, 'SELECT 1 AS n')).rejects.toThrow(ClickHouseUnreachableError);
    });
  });

  test('keeps the code of a query that ClickHouse refuses, and asks no other host', async () => {
    await using(settingsWith({ 'clickhouse.url': `${engine.url},${proxy.url}` }), async (clickhouse) => {
      const asking = select(clickhouse, 'SELECT n FROM nowhere.at_all');
      await expect(asking).rejects.toThrow(ClickHouseQueryError);
      await expect(asking).rejects.toMatchObject({
        code: '81',
        message: expect.stringMatching(/^look: ClickHouse answered with code 81/),
      });
      expect(proxy.requests).toHaveLength(0);
    });
  });

  test('stops when it is told to, with the reason, and asks no other host', async () => {
    const stop = new AbortController();
    proxy.rule(() => {
      stop.abort(new Error('enough'));
      return new Promise(() => undefined);
    });
    await using(settingsWith({ 'clickhouse.url': `${proxy.url},${engine.url}` }), async (clickhouse) => {
      await expect(select(clickhouse, 'SELECT 1 AS n', stop.signal)).rejects.toThrow('enough');
    });
  });

  test('does not take an answer of another shape', async () => {
    await using(settingsWith({}), async (clickhouse) => {
      await expect(select(clickhouse, `SELECT 'text' AS n`)).rejects.toThrow(z.ZodError);
    });
  });

  test('reads 64-bit numbers as numbers', async () => {
    await using(settingsWith({}), async (clickhouse) => {
      expect(await select(clickhouse, 'SELECT toUInt64(9007199254740991) AS n')).toEqual([
        { n: Number.MAX_SAFE_INTEGER },
      ]);
    });
  });
});
