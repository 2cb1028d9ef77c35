import { beforeEach, describe, expect, test } from '@jest/globals';
import { healthChecks } from '../../src/cli/assembly.js';
import { Preparation } from '../../src/cli/prepare.js';
import { silentLog } from '../../src/observability/log.js';
import type { Pipeline } from '../../src/pipelines/pipeline.js';
import { startDiscoveryWorker } from '../../src/processors/discovery.js';
import { startMaintenanceWorker } from '../../src/processors/maintenance.js';
import type { HeldUpBy } from '../../src/processors/outages.js';
import { DISCOVER, schedulerId } from '../../src/queues/discovery.js';
import { maintenanceId, setUpMaintenance } from '../../src/queues/maintenance.js';
import type { PipelineQueue } from '../../src/queues/pipeline-queue.js';
import { nextResult } from '../support/queue-events.js';
import { useWorkbench } from '../support/test-workbench.js';
import { WHOLE, type Workbench } from '../support/workbench.js';

const openWorkbench = useWorkbench('pipelines-apart');
const OTHER = { ...WHOLE, pipeline: 'other' };
const AUDIT = { pipeline: 'other', task: 'audit' } as const;

let bench: Workbench;
let both: readonly PipelineQueue[];
/** A pipeline of which an engine is away. */
let other: Pipeline;

beforeEach(async () => {
  bench = await openWorkbench();
  const [first] = bench.queues.deliveries;
  if (first === undefined) throw new Error('there is no pipeline');
  const refused = (): Promise<never> => Promise.reject(new Error('connection refused'));
  other = {
    ...first.pipeline,
    name: 'other',
    engines: [{ engine: 'elsewhere', advice: 'see to it', check: refused }],
    needs: { discovery: ['elsewhere'], delivery: ['elsewhere'] },
    discover: refused,
    findLate: refused,
  };
  both = [first, { pipeline: other, queue: first.queue }];
});

const heldUpBy: HeldUpBy = ({ needs }) =>
  needs.discovery.includes('elsewhere') ? 'elsewhere is away' : undefined;

describe('while an engine is away that only another pipeline needs', () => {
  test('a pipeline discovers, and the discovery of the other is put off for a moment', async () => {
    const { here, queues, parts } = bench;
    await here.createBucket('apart-logs');
    await here.addRecords({ bucket: 'photos', target: 'apart-logs', count: 5 });
    const events = await bench.eventsOf(queues.discovery);
    const worker = startDiscoveryWorker({ ...parts, pipelines: both, heldUpBy });
    bench.atEnd(() => worker.close());
    const putOff = nextResult(events);
    await queues.discovery.add(DISCOVER, OTHER);
    expect(await putOff).toEqual({ skipped: 'elsewhere is away' });
    const found = nextResult(events);
    await queues.discovery.add(DISCOVER, WHOLE);
    expect(await found).toMatchObject({ orders: 1, records: 5 });
    expect((await queues.discovery.getJobScheduler(schedulerId(OTHER)))?.every).toBe(2000);
  });

  test('maintenance of the other is put off, and keeps its interval', async () => {
    const { here, queues, parts } = bench;
    await setUpMaintenance(queues.maintenance, here.settings, AUDIT);
    const before = await queues.maintenance.getJobScheduler(maintenanceId(AUDIT));
    const events = await bench.eventsOf(queues.maintenance);
    const { maintenance: maintenanceQueue } = queues;
    const worker = startMaintenanceWorker({ ...parts, maintenanceQueue, pipelines: both, heldUpBy });
    bench.atEnd(() => worker.close());
    const putOff = nextResult(events);
    await queues.maintenance.add(AUDIT.task, AUDIT);
    expect(await putOff).toEqual({ skipped: 'elsewhere is away' });
    const after = await queues.maintenance.getJobScheduler(maintenanceId(AUDIT));
    expect(after?.every).toBe(before?.every);
    expect(after?.next).toBeLessThan(before?.next ?? 0);
  });

  test('a pipeline is prepared at once, and the other when its engine answers', async () => {
    const [first] = both;
    if (first === undefined) throw new Error('there is no pipeline');
    let isThere = false;
    const late: Pipeline = {
      ...other,
      engines: [
        {
          engine: 'elsewhere',
          advice: 'see to it',
          check: () => (isThere ? Promise.resolve() : Promise.reject(new Error('connection refused'))),
        },
      ],
    };
    const stop = new AbortController();
    bench.atEnd(() => {
      stop.abort();
    });
    const preparation = new Preparation([late, first.pipeline], {
      ...{ apply: false, isImpatient: false, log: silentLog(), stop: stop.signal },
    });
    await preparation.first();
    expect(preparation.isDone(first.pipeline)).toBe(true);
    expect(preparation.isDone(late)).toBe(false);
    isThere = true;
    await preparation.all();
    expect(preparation.isDone(late)).toBe(true);
  });

  test('each engine is asked once, whichever pipelines need it', () => {
    const pipelines = [...both, ...both].map(({ pipeline }) => pipeline);
    expect(healthChecks({ pipelines }, bench.queues.redis).map(({ engine }) => engine)).toEqual([
      'redis',
      'clickhouse',
      's3',
      'elsewhere',
    ]);
  });
});
