import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { TEST_KEY } from '../../src/destinations/s3/try-bucket.js';
import type { Environment } from '../support/cli.js';
import { deploy, type Deployment } from '../support/deployment.js';
import { diagnose, problemsOf } from '../support/doctor.js';
import { startProxiedEngines, type ProxiedEngines } from '../support/proxied-engines.js';
import { useEngines } from '../support/test-engines.js';

// Before Redis itself ends.
afterAll(() => {
  redis.disconnect();
});

const proxied = useEngines('doctor', startProxiedEngines);
let engines: ProxiedEngines;
let redis: Redis;
const deployments: Deployment[] = [];
let count = 0;

beforeAll(() => {
  engines = proxied();
  redis = new Redis(engines.engines.redis.url);
});

afterEach(async () => {
  engines.s3.reset();
  engines.clickhouse.reset();
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.config('SET', 'appendonly', 'yes');
  for (const deployment of deployments.splice(0)) await deployment.close();
});

/** A deployment with a bucket to try, reached by way of the proxies. */
async function deployment(more: Environment = {}): Promise<{ here: Deployment; bucket: string }> {
  count += 1;
  const here = await deploy(engines.engines, `doctor_${String(count)}`, {
    LOG_COURIER_CLICKHOUSE_URL: engines.clickhouse.url,
    S3_ENDPOINT: engines.s3.url,
    ...more,
  });
  deployments.push(here);
  const bucket = `doctor-${String(count)}`;
  await here.createBucket(bucket);
  return { here, bucket };
}

describe('of a healthy deployment the doctor', () => {
  test('finds nothing to mend, in every part of it, and leaves nothing behind', async () => {
    const { here, bucket } = await deployment();
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(problemsOf(diagnosis)).toEqual([]);
    expect(diagnosis).toMatchObject({ status: 0, ok: true, counts: { problem: 0 } });
    const fine = diagnosis.findings.filter(({ verdict }) => verdict === 'ok').map(({ check }) => check);
    expect(fine).toEqual(
      expect.arrayContaining([
        'settings',
        'clickhouse.reachable',
        'clickhouse.schema',
        'clickhouse.clock',
        'clickhouse.tables',
        'clickhouse.retention',
        'clickhouse.rights',
        'redis.reachable',
        'redis.writable',
        'redis.eviction',
        'redis.persistence',
        'redis.clock',
        's3.reachable',
        's3.clock',
        's3.bucket.write',
        's3.bucket.uploads',
        's3.conditional-writes',
      ]),
    );
    expect(diagnosis.findings.every(({ verdict, advice }) => (verdict === 'ok') === (advice === ''))).toBe(
      true,
    );
    expect(await here.keysIn(bucket)).toEqual([]);
    expect(await redis.keys(`${here.settings['redis.key-prefix']}:*`)).toEqual([]);
  });

  test('prints a table for people, what is to be done first, and the verdict last', async () => {
    const { here, bucket } = await deployment();
    const { status, stdout } = await here.cli('doctor', '--bucket', bucket);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ok {7}clickhouse\.schema: version \d+$/m);
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^well: 0 problems, \d+ warnings?, \d+ ok$/);
  });

  test('tries the buckets that records name lately without ever writing an object into them', async () => {
    const { here, bucket } = await deployment();
    await here.addRecords({ bucket: 'photos', target: bucket, prefix: 'logs/', count: 3 });
    engines.s3.reset();
    const diagnosis = await diagnose(here, []);
    expect(diagnosis.findings).toContainEqual({
      check: 's3.bucket.write',
      subject: bucket,
      verdict: 'ok',
      found: 'an upload was begun and aborted',
      advice: '',
    });
    const written = engines.s3.requests.filter(
      ({ method, url }) => method === 'PUT' && !url.includes('uploadId='),
    );
    expect(written).toEqual([]);
    expect(engines.s3.requests.map(({ url }) => url).join('\n')).toContain(`/${bucket}/logs/${TEST_KEY}`);
  });

  test('says so when there is no bucket to try', async () => {
    const { here } = await deployment();
    const diagnosis = await diagnose(here, []);
    expect(diagnosis.findings).toContainEqual(
      expect.objectContaining({ check: 's3.bucket.write', verdict: 'warning' }),
    );
  });
});

describe('the doctor names the problem, and ends with status 1, when', () => {
  test('the credentials of an engine are wrong', async () => {
    const { here, bucket } = await deployment();
    const secret = 'not-the-secret-of-this-server';
    const s3 = await diagnose(here, ['--bucket', bucket], { S3_SECRET_ACCESS_KEY: secret });
    expect(s3.status).toBe(1);
    expect(problemsOf(s3)).toEqual([`s3.reachable ${engines.s3.url}`, `s3.bucket.write ${bucket}`]);
    expect(JSON.stringify(s3)).toContain('SignatureDoesNotMatch');
    expect(JSON.stringify(s3)).not.toContain(secret);

    await redis.config('SET', 'requirepass', 'another');
    try {
      const wrong = await diagnose(here, [], { LOG_COURIER_REDIS_PASSWORD: 'wrong-password' });
      expect(problemsOf(wrong)).toEqual([`redis.reachable ${engines.engines.redis.url}`]);
      expect(JSON.stringify(wrong)).toContain('refuses the credentials');
      const none = await diagnose(here, []);
      expect(problemsOf(none)).toEqual([`redis.reachable ${engines.engines.redis.url}`]);
      expect(JSON.stringify(none)).toContain('refuses the credentials');
    } finally {
      await redis.config('SET', 'requirepass', '');
    }

    engines.clickhouse.rule(() => ({
      kind: 'answer',
      status: 403,
      body: 'Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)\n',
    }));
    const clickhouse = await diagnose(here, ['--bucket', bucket]);
    expect(problemsOf(clickhouse)).toEqual([`clickhouse.reachable ${engines.clickhouse.url}`]);
    expect(JSON.stringify(clickhouse)).toContain('refuses the user default');
  });

  test('a table is missing', async () => {
    const { here, bucket } = await deployment();
    const { offsets } = tablesOf(here.settings);
    await here.store.clickhouse.command(`DROP TABLE ${offsets}`, { doing: 'break' });
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(diagnosis.status).toBe(1);
    const { stdout } = await here.cli('doctor', '--bucket', bucket);
    expect(stdout).toMatch(
      /^problem {2}clickhouse\.tables offsets\n {9}the table is missing\n {7}→ run `log-courier schema apply`/,
    );
    expect(problemsOf(diagnosis)).toEqual(['clickhouse.tables offsets']);
    expect(JSON.stringify(diagnosis)).toContain('log-courier schema apply');
  });

  test('a table has another engine, or lacks a column', async () => {
    const { here, bucket } = await deployment();
    const { offsets, logs, arrivals } = tablesOf(here.settings);
    const { clickhouse } = here.store;
    await clickhouse.command(
      `CREATE TABLE ${offsets}_2 AS ${offsets} ENGINE = MergeTree ORDER BY bucketName`,
      {
        doing: 'break',
      },
    );
    await clickhouse.command(`EXCHANGE TABLES ${offsets} AND ${offsets}_2`, { doing: 'break' });
    await clickhouse.command(`ALTER TABLE ${logs} DROP COLUMN awsAccessKeyID`, { doing: 'break' });
    await clickhouse.command(`DROP VIEW ${arrivals}_mv`, { doing: 'break' });
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(problemsOf(diagnosis)).toEqual(['clickhouse.tables logs', 'clickhouse.tables offsets']);
    expect(diagnosis.findings).toContainEqual(
      expect.objectContaining({ subject: 'arrivals_mv', verdict: 'warning' }),
    );
    const found = diagnosis.findings.map((finding) => finding.found).join('\n');
    expect(found).toContain('its engine is MergeTree, where the schema has ReplacingMergeTree');
    expect(found).toContain('it lacks the columns awsAccessKeyID');
  });

  test('the schema is an old one, or was never applied', async () => {
    const { here, bucket } = await deployment();
    const { schemaVersions } = tablesOf(here.settings);
    await here.store.clickhouse.command(`TRUNCATE TABLE ${schemaVersions}`, { doing: 'break' });
    await here.store.clickhouse.insert(schemaVersions, [{ version: 1, name: '001-access-logs' }], {
      doing: 'break',
    });
    const old = await diagnose(here, ['--bucket', bucket]);
    expect(old.status).toBe(1);
    expect(problemsOf(old)).toEqual(['clickhouse.schema']);
    expect(JSON.stringify(old)).toMatch(/the schema is of version 1; this program needs \d/);
    const never = await diagnose(here, ['--bucket', bucket], {
      LOG_COURIER_CLICKHOUSE_DATABASE: 'elsewhere',
    });
    expect(problemsOf(never)).toEqual(
      expect.arrayContaining([
        'clickhouse.schema',
        'clickhouse.tables logs',
        'clickhouse.tables work_orders',
      ]),
    );
  });

  test('Redis evicts keys', async () => {
    const { here, bucket } = await deployment();
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await redis.config('SET', 'appendonly', 'no');
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(diagnosis.status).toBe(1);
    expect(problemsOf(diagnosis)).toEqual([`redis.eviction ${engines.engines.redis.url}`]);
    expect(diagnosis.findings).toContainEqual(
      expect.objectContaining({ check: 'redis.persistence', verdict: 'warning' }),
    );
    expect(JSON.stringify(diagnosis)).toContain('maxmemory-policy is allkeys-lru');
  });

  test('a clock is off', async () => {
    const { here, bucket } = await deployment();
    engines.clickhouse.rule(({ url, body }) =>
      `${url}${body.toString()}`.includes('now64')
        ? {
            kind: 'rewrite',
            with: (text) =>
              text.replace(/"now":(\d+)/, (_, now: string) => `"now":${String(Number(now) + 3_600_000)}`),
          }
        : { kind: 'pass' },
    );
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(diagnosis.status).toBe(1);
    expect(problemsOf(diagnosis)).toEqual([`clickhouse.clock ${engines.clickhouse.url}`]);
    expect(JSON.stringify(diagnosis)).toMatch(
      /its clock is (59 min \d+ s|1 h.*) ahead of the one of this machine/,
    );
  });

  test('a bucket cannot be written to, or is not there', async () => {
    const { here, bucket } = await deployment();
    engines.s3.rule(({ method, url }) =>
      url.startsWith(`/${bucket}`) && method !== 'GET'
        ? {
            kind: 'answer',
            status: 403,
            body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>',
          }
        : { kind: 'pass' },
    );
    const denied = await diagnose(here, ['--bucket', bucket]);
    expect(denied.status).toBe(1);
    expect(problemsOf(denied)).toEqual([`s3.bucket.write ${bucket}`]);
    expect(JSON.stringify(denied)).toContain('AccessDenied (HTTP 403)');
    engines.s3.reset();
    const gone = await diagnose(here, ['--bucket', 'nobody-made-this']);
    expect(problemsOf(gone)).toEqual(['s3.bucket.write nobody-made-this']);
    await here.addRecords({ bucket: 'photos', target: 'nobody-made-this-either', count: 3 });
    expect(problemsOf(await diagnose(here, []))).toEqual(['s3.bucket.write nobody-made-this-either']);
  });

  test('an engine is away', async () => {
    const { here, bucket } = await deployment();
    const nowhere = 'http://127.0.0.1:1';
    const diagnosis = await diagnose(here, ['--bucket', bucket], {
      LOG_COURIER_CLICKHOUSE_URL: nowhere,
      LOG_COURIER_REDIS_URL: 'redis://127.0.0.1:1',
      S3_ENDPOINT: nowhere,
    });
    expect(problemsOf(diagnosis)).toEqual([
      'redis.reachable redis://127.0.0.1:1',
      `clickhouse.reachable ${nowhere}`,
      `s3.reachable ${nowhere}`,
      `s3.bucket.write ${bucket}`,
    ]);
    const second = await diagnose(here, ['--bucket', bucket], {
      LOG_COURIER_CLICKHOUSE_URL: `${nowhere},${engines.clickhouse.url}`,
    });
    expect(problemsOf(second)).toEqual([]);
    expect(second.findings).toContainEqual(
      expect.objectContaining({ subject: nowhere, verdict: 'warning', check: 'clickhouse.reachable' }),
    );
  });

  test('records are kept for less long than the settings say', async () => {
    const { here, bucket } = await deployment({ LOG_COURIER_RETENTION_RECORD_HOURS: '96' });
    const diagnosis = await diagnose(here, ['--bucket', bucket]);
    expect(problemsOf(diagnosis)).toEqual(['clickhouse.retention logs']);
    expect(JSON.stringify(diagnosis)).toContain('records are kept for 72 h; retention.record-hours is 96');
  });
});

describe('the test object', () => {
  test('is removed also when it cannot be read, and named when it cannot be removed', async () => {
    const { here, bucket } = await deployment();
    const deny = { kind: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' } as const;
    engines.s3.rule(({ method, url }) =>
      method === 'GET' && url.includes(TEST_KEY) && !url.includes('uploads') ? deny : { kind: 'pass' },
    );
    const unread = await diagnose(here, ['--bucket', `${bucket}/logs/`]);
    expect(unread.findings).toContainEqual(
      expect.objectContaining({ check: 's3.bucket.read', subject: bucket, verdict: 'warning' }),
    );
    expect(await here.keysIn(bucket)).toEqual([]);
    engines.s3.rule(({ method, url }) =>
      method === 'DELETE' && !url.includes('uploadId') ? deny : { kind: 'pass' },
    );
    const left = await diagnose(here, ['--bucket', `${bucket}/logs/`]);
    expect(left.status).toBe(0);
    expect(left.findings).toContainEqual(
      expect.objectContaining({
        check: 's3.bucket.remove',
        verdict: 'warning',
        advice: expect.stringContaining(`s3://${bucket}/logs/${TEST_KEY}`),
      }),
    );
    expect(await here.keysIn(bucket)).toEqual([`logs/${TEST_KEY}`]);
  });
});
