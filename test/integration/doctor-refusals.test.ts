import { afterEach, expect, test } from '@jest/globals';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { deploy, type Deployment } from '../support/deployment.js';
import { diagnose, problemsOf } from '../support/doctor.js';
import type { Fate, ProxiedRequest } from '../support/http-proxy.js';
import { startProxiedEngines } from '../support/proxied-engines.js';
import { useEngines } from '../support/test-engines.js';

const engines = useEngines('doctor-refusals', startProxiedEngines);
const deployments: Deployment[] = [];

afterEach(async () => {
  engines().clickhouse.reset();
  for (const deployment of deployments.splice(0)) await deployment.close();
});

async function deployment(name: string): Promise<Deployment> {
  const here = await deploy(engines().engines, name, {
    LOG_COURIER_CLICKHOUSE_URL: engines().clickhouse.url,
  });
  deployments.push(here);
  return here;
}

/** Has ClickHouse refuse statements, as it does those that a user has no right to. */
function refuse(isRefused: (sql: string) => boolean): void {
  engines().clickhouse.rule(({ url, body }: ProxiedRequest): Fate => {
    const sql = `${new URL(url, 'http://localhost').searchParams.get('query') ?? ''} ${body.toString()}`;
    return isRefused(sql)
      ? {
          kind: 'answer',
          status: 500,
          body: 'Code: 497. DB::Exception: log_courier: Not enough privileges. (ACCESS_DENIED)\n',
        }
      : { kind: 'pass' };
  });
}

test('a user who may not insert where log-courier writes is a problem of that table', async () => {
  const here = await deployment('refusals_insert');
  const { workOrders } = tablesOf(here.settings);
  refuse((sql) => sql.includes(`INSERT INTO ${workOrders}`));
  const diagnosis = await diagnose(here, []);
  expect(diagnosis.status).toBe(1);
  expect(problemsOf(diagnosis)).toEqual(['clickhouse.rights work_orders']);
  expect(JSON.stringify(diagnosis)).toContain('SELECT and INSERT');
});

test('a user who may not read the system tables is a warning: it could not be found out', async () => {
  const here = await deployment('refusals_system');
  refuse((sql) => sql.includes('system.columns'));
  const diagnosis = await diagnose(here, []);
  expect(problemsOf(diagnosis)).toEqual([]);
  expect(diagnosis.findings).toContainEqual(
    expect.objectContaining({
      check: 'clickhouse.tables',
      verdict: 'warning',
      found: expect.stringContaining('it could not be found out'),
    }),
  );
});

test('a schema that is newer than the program is fine: an upgrade may be under way', async () => {
  const here = await deployment('refusals_newer');
  const { schemaVersions } = tablesOf(here.settings);
  await here.store.clickhouse.insert(schemaVersions, [{ version: 999, name: '999-to-come' }], {
    doing: 'upgrade',
  });
  const diagnosis = await diagnose(here, []);
  expect(diagnosis.findings).toContainEqual(
    expect.objectContaining({
      check: 'clickhouse.schema',
      verdict: 'ok',
      found: expect.stringMatching(/^version 999, newer than/),
    }),
  );
  expect((await here.cli('run', '--once')).status).toBe(0);
});

test('of several hosts of ClickHouse one is enough, and none is a problem', async () => {
  const here = await deployment('refusals_hosts');
  const [one, two] = ['http://127.0.0.1:1', 'http://localhost:1'];
  const url = engines().clickhouse.url;
  const enough = await diagnose(here, [], { LOG_COURIER_CLICKHOUSE_URL: `${one},${url}` });
  expect(problemsOf(enough)).toEqual([]);
  const none = await diagnose(here, [], { LOG_COURIER_CLICKHOUSE_URL: `${one},${two}` });
  expect(problemsOf(none)).toEqual(['clickhouse.reachable']);
  const away = none.findings.filter(
    ({ check, verdict }) => check === 'clickhouse.reachable' && verdict === 'warning',
  );
  expect(away.map(({ subject }) => subject)).toEqual([one, two]);
});
