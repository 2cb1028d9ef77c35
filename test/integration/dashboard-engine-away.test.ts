import { expect, test } from '@jest/globals';
import { sourcesSchema } from '../support/api-schemas.js';
import { openDashboard } from '../support/dashboard-api.js';
import { deliverAll } from '../support/deliveries.js';
import { startHttpProxy } from '../support/http-proxy.js';
import { useWorkbench } from '../support/test-workbench.js';

const open = useWorkbench('dashboard-away');

test('without ClickHouse the last figures stay, what needs it answers 503 with advice, and all comes back', async () => {
  const near = await open();
  const proxy = await startHttpProxy(near.here.settings['clickhouse.url'][0] ?? '');
  near.atEnd(() => proxy.close());
  const bench = await open({ LOG_COURIER_CLICKHOUSE_URL: proxy.url });
  const { here, target } = bench;
  await here.addRecords({ bucket: 'photos', target, count: 10 });
  await deliverAll(bench);
  const api = await openDashboard(bench);
  await api.overviewWhere(({ pipelines }) =>
    pipelines.every(({ readAt, sources }) => readAt !== null && sources === 1),
  );
  proxy.rule(() => ({ kind: 'reset' }));
  const { headline, engines, pipelines } = await api.overviewWhere((overview) =>
    overview.engines.some(({ ok }) => !ok),
  );
  expect(headline).toMatchObject({
    tone: 'bad',
    text: expect.stringMatching(/^ClickHouse has been away for /),
  });
  expect(engines).toContainEqual(
    expect.objectContaining({ engine: 'clickhouse', ok: false, error: expect.any(String) }),
  );
  expect(pipelines).toMatchObject([{ waitingRecords: 10, stuckSources: 1 }]);
  expect(sourcesSchema.parse((await api.get('/api/sources')).body).rows).toMatchObject([
    { source: 'photos' },
  ]);
  const advice = { error: expect.stringContaining('check clickhouse.url') };
  expect(await api.get('/api/source?source=photos')).toEqual({ status: 503, body: advice });
  const retried = await api.post('/api/retry', { pipeline: 'access-logs', all: true });
  expect(retried).toEqual({ status: 503, body: advice });
  expect((await api.get('/api/changes')).body).toMatchObject([
    { action: 'retry', outcome: expect.stringMatching(/^failed: /) },
  ]);
  proxy.reset();
  const back = await api.overviewWhere((overview) => overview.engines.every(({ ok }) => ok));
  expect(back.headline.text).toBe('1 bucket stuck: NoSuchBucket');
});
