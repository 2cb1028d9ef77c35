import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { settingsTable } from '../../src/config/settings.js';
import { manifestsIn } from '../support/kubernetes.js';
import { useWorkbench } from '../support/test-workbench.js';

const openBench = useWorkbench('kubernetes-autoscaling');

const scaledObject = z.looseObject({
  spec: z.looseObject({
    triggers: z.tuple([z.looseObject({ metadata: z.looseObject({ listName: z.string() }) })]),
  }),
});

test('KEDA is told the name of the sorted set in which a real Redis has the orders that wait', async () => {
  const bench = await openBench();
  for (const bucket of ['one', 'two', 'three'])
    await bench.here.addRecords({ bucket, target: bench.target, count: 2 });
  await bench.discover();
  expect(await bench.inQueue()).toHaveLength(3);
  const manifest = manifestsIn('deploy/kubernetes/components/keda/scaled-object.yaml').find(
    ({ kind }) => kind === 'ScaledObject',
  );
  const [{ metadata }] = scaledObject.parse(manifest).spec.triggers;
  const prefix = String(settingsTable['redis.key-prefix'].default);
  const key = metadata.listName.replace(prefix, bench.here.settings['redis.key-prefix']);
  expect(key).not.toBe(metadata.listName);
  expect(await bench.queues.redis.zcard(key)).toBe(3);
});
