import { describe, expect, test } from '@jest/globals';
import { announce } from '../../src/cli/announce.js';
import { InFlight } from '../../src/processors/in-flight.js';
import { readReplicas } from '../../src/queues/replicas.js';
import { useWorkbench } from '../support/test-workbench.js';

const open = useWorkbench('replicas');

describe('a process', () => {
  test('is seen with its roles and the orders that it is at, until it takes leave', async () => {
    const { here, queues } = await open();
    await queues.redis.ping();
    const inFlight = new InFlight();
    const presence = announce(here.store, queues, ['discovery', 'processors'], inFlight);
    await presence.tell();
    const [seen, ...others] = await readReplicas(queues.redis, here.settings);
    expect(others).toEqual([]);
    expect(seen).toMatchObject({
      ...{ pid: process.pid, roles: ['discovery', 'processors'], ordersInFlight: 0 },
      ...{ host: expect.any(String), version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
    await inFlight.during(async () => {
      await presence.tell();
      expect(await readReplicas(queues.redis, here.settings)).toMatchObject([
        { id: seen?.id, ordersInFlight: 1 },
      ]);
    });
    await presence.stop();
    expect(await readReplicas(queues.redis, here.settings)).toEqual([]);
  });

  test('that was killed is gone when its note has run out, and leaves nothing behind', async () => {
    const { here, queues } = await open();
    await queues.redis.ping();
    const presence = announce(here.store, queues, ['dashboard'], new InFlight());
    await presence.tell();
    const [seen] = await readReplicas(queues.redis, here.settings);
    const prefix = here.settings['redis.key-prefix'];
    expect(await queues.redis.pttl(`${prefix}:replica:${seen?.id ?? ''}`)).toBeGreaterThan(0);
    await queues.redis.del(`${prefix}:replica:${seen?.id ?? ''}`);
    expect(await readReplicas(queues.redis, here.settings)).toEqual([]);
    expect(await queues.redis.smembers(`${prefix}:replicas`)).toEqual([]);
    await presence.stop();
  });

  test('of a newer version, whose note is of another form, is left out', async () => {
    const { here, queues } = await open();
    const prefix = here.settings['redis.key-prefix'];
    await queues.redis.sadd(`${prefix}:replicas`, 'new', 'broken');
    await queues.redis.mset(`${prefix}:replica:new`, '{"name":"new"}', `${prefix}:replica:broken`, '{');
    expect(await readReplicas(queues.redis, here.settings)).toEqual([]);
  });
});
