import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { parseLogLine } from '../../src/pipelines/access-logs/log-line-parser.js';
import { awsLogLines } from '../support/aws-log-lines.js';
import { runCli } from '../support/cli.js';
import { deploy, everythingDelivered, statusSchema, type Deployment } from '../support/deployment.js';

const offset = z.strictObject({
  insertedAt: z.iso.datetime(),
  startTime: z.iso.datetime(),
  reqId: z.string(),
});
const ordersSchema = z.array(
  z.object({
    bucket: z.string(),
    raftSession: z.number(),
    records: z.number(),
    oldestAt: z.string(),
    after: offset.nullable(),
    upTo: offset,
  }),
);

let dir: string;
let engines: Engines;
const deployments: Deployment[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-commands-'));
  engines = await startEngines({ dir: join(dir, 'engines') });
});

afterAll(async () => {
  for (const deployment of deployments) await deployment.close();
  await engines.stop();
  await rm(dir, { recursive: true });
});

async function deployment(name: string, more: Record<string, string> = {}): Promise<Deployment> {
  const made = await deploy(engines, name, more);
  deployments.push(made);
  return made;
}

async function statusOf({ cli }: Deployment): Promise<z.infer<typeof statusSchema>[number]> {
  const { status, stdout } = await cli('status', '--json');
  expect(status).toBe(0);
  const [first] = statusSchema.parse(JSON.parse(stdout));
  if (first === undefined) throw new Error('there is no pipeline');
  return first;
}

async function auditOf({ cli }: Deployment): Promise<unknown> {
  const { status, stdout } = await cli('audit', '--deep', '--json');
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

describe('the schema', () => {
  const environment = (): Record<string, string> => ({
    ...engines.environment,
    LOG_COURIER_CLICKHOUSE_DATABASE: 'fresh',
    LOG_COURIER_REDIS_KEY_PREFIX: 'fresh',
  });

  test('must be applied before anything runs, and the program says how', async () => {
    const { status, stderr } = await runCli(['run', '--once'], { environment: environment() });
    expect(status).toBe(1);
    expect(stderr).toContain('log-courier schema apply');
  });

  test('is applied once, and again without harm', async () => {
    const first = await runCli(['schema', 'apply'], { environment: environment() });
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toMatch(/^schema version \d+: applied 001-access-logs, 002-recovery/);
    const second = await runCli(['schema', 'apply'], { environment: environment() });
    expect(second.stdout).toMatch(/^schema version \d+: nothing to do/);
    const once = await runCli(['run', '--once'], { environment: environment() });
    expect(once).toMatchObject({ status: 0, stdout: '0 new work orders with 0 records; 0 delivered\n' });
  });
});

test('records are generated, previewed, delivered and audited, and a second run has nothing to do', async () => {
  const here = await deployment('whole_way', { LOG_COURIER_CONSUMER_MAX_LOGS_PER_BUCKET: '200' });
  expect((await here.cli('discover')).stdout).toBe('nothing is ready\n');
  const generated = await here.cli(
    'generate',
    '--rows',
    '2000',
    '--buckets',
    '12',
    '--targets',
    '3',
    '--seed',
    '11',
    '--age',
    '1m',
  );
  expect(generated).toMatchObject({ status: 0, stderr: '' });
  expect(generated.stdout).toMatch(/^2,000 records of 12 buckets, inserted .* \(seed 11\)\n$/);

  const preview = await here.cli('discover', '--json');
  const all = ordersSchema.parse(JSON.parse(preview.stdout));
  const firsts = all.filter(({ after }) => after === null);
  expect(firsts).toHaveLength(12);
  const oldest = firsts.map(({ oldestAt }) => Date.parse(oldestAt));
  expect(oldest).toEqual([...oldest].sort((a, b) => a - b));
  expect(all.reduce((sum, { records }) => sum + records, 0)).toBe(2000);
  expect((await here.cli('discover')).stdout).toContain('oldest record');
  expect(await statusOf(here)).toMatchObject({
    undeliveredRecords: 2000,
    orders: { open: 0, failed: 0, skipped: 0, delivered: 0 },
    failures: [],
  });

  const first = await here.cli('run', '--once');
  expect(first).toEqual({
    status: 0,
    stdout: `${String(all.length)} new work orders with 2,000 records; ${String(all.length)} delivered\n`,
    stderr: '',
  });
  expect(await auditOf(here)).toMatchObject({
    ...everythingDelivered(2000),
    orders: { open: 0, failed: 0, skipped: 0, delivered: all.length },
  });
  expect(await statusOf(here)).toMatchObject({ undeliveredRecords: 0, oldestAgeSeconds: null });
  expect((await here.cli('status')).stdout).toContain('all records are delivered');
  expect((await here.cli('audit')).stdout).toContain('nothing is missing and nothing is there twice');

  const second = await here.cli('run', '--once');
  expect(second.stdout).toBe('0 new work orders with 0 records; 0 delivered\n');
  expect(await auditOf(here)).toMatchObject({ objects: all.length });
});

test('an audit finds a log object that was removed, and ends with status 1', async () => {
  const here = await deployment('removed');
  await here.createBucket('removed-logs');
  await here.addRecords({ bucket: 'photos', target: 'removed-logs', count: 7 });
  expect((await here.cli('run', '--once')).status).toBe(0);
  await here.deleteBucket('removed-logs');
  const { status, stdout } = await here.cli('audit', '--deep', '--json');
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ records: 7, delivered: 0, missing: 7, duplicated: 0 });
  expect((await here.cli('audit', '--deep')).stdout).toContain('7 missing, 0 duplicated');
});

describe('invariant 4: a bucket’s trouble is its own;', () => {
  let here: Deployment;
  beforeAll(async () => {
    here = await deployment('trouble');
    await here.createBucket('good-logs');
    for (const bucket of ['photos', 'music', 'films']) {
      await here.addRecords({ bucket, target: 'good-logs', count: 10 });
      await here.addRecords({ bucket: `${bucket}-archive`, target: 'gone-logs', prefix: 'a/', count: 10 });
    }
  });

  test('a target bucket that is gone fails its orders and holds up no other', async () => {
    const { status, stdout } = await here.cli('run', '--once');
    expect(status).toBe(1);
    expect(stdout).toBe(
      '6 new work orders with 60 records; 3 delivered, 3 failed (`log-courier status` says why)\n',
    );
    const { undeliveredRecords, orders, failures } = await statusOf(here);
    expect({ undeliveredRecords, orders }).toEqual({
      undeliveredRecords: 30,
      orders: { open: 0, failed: 3, skipped: 0, delivered: 3 },
    });
    expect(failures).toMatchObject([
      {
        code: 'NoSuchBucket',
        orders: 3,
        records: 30,
        sources: ['films-archive', 'music-archive', 'photos-archive'],
      },
    ]);
    expect(failures[0]?.reason).toContain('gone-logs');
    const text = (await here.cli('status')).stdout;
    expect(text).toContain('failed with NoSuchBucket: 3 orders, 30 records');
    expect(text).toContain('from films-archive, music-archive, photos-archive');
    expect(text).toContain('log-courier retry --all');
    expect(await auditOf(here)).toMatchObject({
      records: 60,
      delivered: 30,
      missing: 0,
      duplicated: 0,
      outstanding: 30,
    });
  });

  test('what failed stays failed until an operator retries it', async () => {
    const { status, stdout } = await here.cli('run', '--once');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: '0 new work orders with 0 records; 0 delivered\n',
    });
    expect((await statusOf(here)).orders).toMatchObject({ open: 0, failed: 3 });
  });

  test('retry puts back what it is told to: one order, one bucket, all', async () => {
    expect((await here.cli('retry', '--bucket', 'no-such-bucket')).stdout).toBe('no failed order matches\n');
    const [one] = await here.pipeline.failed({ source: 'photos-archive' });
    expect((await here.cli('retry', '--order', one?.order.id ?? '')).stdout).toBe(
      '1 order back in the queue\n',
    );
    expect((await statusOf(here)).orders).toMatchObject({ open: 1, failed: 2 });
    expect((await here.cli('retry', '--bucket', 'music-archive')).stdout).toBe('1 order back in the queue\n');
    expect((await statusOf(here)).orders).toMatchObject({ open: 2, failed: 1 });
    expect((await here.cli('retry', '--all')).stdout).toBe('1 order back in the queue\n');
    expect((await statusOf(here)).orders).toMatchObject({ open: 3, failed: 0 });
  });

  test('when the bucket is there again everything is delivered, once', async () => {
    await here.createBucket('gone-logs');
    expect((await here.cli('run', '--once')).status).toBe(0);
    expect(await auditOf(here)).toMatchObject({ ...everythingDelivered(60), objects: 6 });
    expect((await statusOf(here)).failures).toEqual([]);
  });
});

describe('AWS’s log files', () => {
  /** Without what no column has: host id, access point and, behind the 26th field, the region. */
  function comparable(line: string): unknown {
    const parsed = parseLogLine(line);
    return parsed.ok ? parsed.columns : parsed.message;
  }

  test('come back as they were after they were imported and delivered', async () => {
    const here = await deployment('imported');
    await here.createBucket('imported-logs');
    const [plain, packed] = [join(dir, 'access.log'), join(dir, 'access.log.gz')];
    await writeFile(plain, `${awsLogLines.slice(0, 2).join('\n')}\n`);
    await writeFile(packed, gzipSync(`${awsLogLines.slice(2).join('\n')}\nthis is no log line\n`));
    const words = ['--target-bucket', 'imported-logs', '--target-prefix', 'old/', '--raft-session', '7'];
    const imported = await here.cli('import', ...words, plain, packed);
    expect(imported.status).toBe(1);
    expect(imported.stdout).toBe('5 records imported, 1 lines left out\n');
    expect(imported.stderr).toContain(`${packed}:4: `);
    expect((await here.cli('run', '--once')).status).toBe(0);
    const lines: string[] = [];
    for (const Key of await here.keysIn('imported-logs')) {
      expect(Key).toMatch(/^old\/2019-02-06-00-00-38-[0-9A-F]{16}$/);
      const { Body } = await here.store.s3.send(new GetObjectCommand({ Bucket: 'imported-logs', Key }));
      lines.push(...((await Body?.transformToString()) ?? '').trim().split('\n'));
    }
    expect(lines.map(comparable)).toEqual(awsLogLines.map(comparable));
    expect(await auditOf(here)).toMatchObject(everythingDelivered(5));
  });

  test('that are not there end the import with status 1 and are named', async () => {
    const here = await deployment('not_there');
    const { status, stderr } = await here.cli('import', join(dir, 'none.log'));
    expect(status).toBe(1);
    expect(stderr).toContain(join(dir, 'none.log'));
  });
});

test('a ClickHouse that refuses a command ends it with status 1 and one line that says what was being done', async () => {
  const here = await deployment('refused');
  await here.store.clickhouse.command('DROP DATABASE refused', { doing: 'drop the database' });
  const { status, stdout, stderr } = await here.cli('status');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^log-courier: find ready buckets: ClickHouse answered with code \d+.*\n$/);
});

test('a YAML file that a variable names is in force', async () => {
  const path = join(dir, 'log-courier.yaml');
  await writeFile(path, 'clickhouse:\n  database: from_file\n');
  const { stdout } = await runCli(['schema', 'print'], { environment: { LOG_COURIER_CONFIG_FILE: path } });
  expect(stdout).toContain('CREATE DATABASE IF NOT EXISTS from_file');
});
