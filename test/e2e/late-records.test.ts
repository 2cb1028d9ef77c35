import { afterEach, describe, expect, test } from '@jest/globals';
import { startEngines } from '../../src/embedded/engines.js';
import { killAll, spawnCli } from '../support/cli.js';
import { deliveriesIn, deploy, everythingDelivered } from '../support/deployment.js';
import { useEngines } from '../support/test-engines.js';

const engines = useEngines('late', startEngines);

afterEach(async () => {
  await killAll();
});

describe('invariant 1: the service', () => {
  test('delivers an order again by itself when late records join it, to the same key', async () => {
    const here = await deploy(engines(), 'late_records', {
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
    expect(await deliveriesIn(here)).toEqual([[100, 105]]);
    await here.close();
  });
});
