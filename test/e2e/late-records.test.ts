import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { killAll, spawnCli } from '../support/cli.js';
import { deploy, everythingDelivered } from '../support/deployment.js';

let dir: string;
let engines: Engines;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-late-'));
  engines = await startEngines({ dir });
});

afterEach(async () => {
  await killAll();
});

afterAll(async () => {
  await engines.stop();
  await rm(dir, { recursive: true });
});

describe('invariant 1: the service', () => {
  test('delivers an order again by itself when late records join it, to the same key', async () => {
    const here = await deploy(engines, 'late_records', {
      LOG_COURIER_LOG_LEVEL: 'info',
      LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.5',
      LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.5',
      LOG_COURIER_AUDIT_INTERVAL_SECONDS: '1',
    });
    await here.createBucket('targets');
    await here.addRecords({ bucket: 'photos', target: 'targets', count: 100, ageSeconds: 60 });
    const service = spawnCli(['run'], { environment: here.environment });
    await service.logged(({ msg, records }) => msg === 'delivered' && records === 100);
    const keys = await here.keysIn('targets');
    await here.addRecords({ bucket: 'photos', target: 'targets', count: 5, ageSeconds: 1200 });
    const audit = await service.logged(({ msg, orders }) => msg === 'audit' && orders === 1);
    expect(audit).toMatchObject({ pipeline: 'access-logs', task: 'audit', records: 5 });
    await service.logged(({ msg, records }) => msg === 'delivered' && records === 105);
    service.kill('SIGTERM');
    expect((await service.ended).status).toBe(0);

    expect(await here.audit()).toMatchObject(everythingDelivered(105));
    expect(await here.keysIn('targets')).toEqual(keys);
    const deliveries = await here.store.clickhouse.query(
      z.object({ records: z.array(z.number()) }),
      `SELECT deliveries.records AS records FROM ${tablesOf(here.settings).workOrders} FINAL WHERE state = 'delivered'`,
      { doing: 'look' },
    );
    expect(deliveries).toEqual([{ records: [100, 105] }]);
    await here.close();
  });
});
