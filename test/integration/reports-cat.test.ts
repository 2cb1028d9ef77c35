import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Condition } from '../../src/pipelines/reports/archive/json-path.js';
import { startTestS3, BUCKET, type TestS3 } from '../support/embedded-s3.js';
import { runCli } from '../support/cli.js';
import { cat, deliverAll, filesBelow, testReports, zstdcat, type TestReports } from '../support/reports.js';
import { someReports, writeSegment } from '../support/segments.js';

let s3: TestS3;
let opened: TestReports | undefined;

beforeAll(async () => {
  s3 = await startTestS3();
});

afterEach(async () => {
  await opened?.stop();
  opened = undefined;
});

afterAll(async () => {
  await s3.stop();
});

const PARTITIONED = {
  'reports.key-pattern': '{yyyy}/{mm}/{dd}/{agent}/reports-{time}.jsonl.zst',
  'reports.envelope': 'true',
};
const midnight = '2026-05-01T23:59:50.000Z';

async function made(flags: Readonly<Record<string, string>>): Promise<TestReports> {
  opened = await testReports(flags);
  return opened;
}

function at(time: string): number {
  return Date.parse(time);
}

describe('an archive with a folder a day and an agent', () => {
  test('has the reports of each in files of their own, in envelopes, each once', async () => {
    const reports = await made(PARTITIONED);
    const given = someReports(60, midnight);
    await writeSegment(reports.spool, 1, given);
    await deliverAll(reports.process());
    const folders = ['2026/05/01', '2026/05/02'].flatMap((day) =>
      [0, 1, 2].map((n) => `${day}/agent-${String(n)}`),
    );
    expect(await filesBelow(reports.archive)).toEqual(
      folders.map((folder) => `${folder}/reports-2026-05-01T23-59-50.000Z.jsonl.zst`),
    );
    const lines = await zstdcat(
      join(reports.archive, folders[0] ?? '', 'reports-2026-05-01T23-59-50.000Z.jsonl.zst'),
    );
    const first: unknown = JSON.parse(lines.split('\n')[0] ?? '');
    const report: unknown = JSON.parse(given[0]?.line ?? '');
    expect(first).toEqual({
      ...{ id: 'id-00000000', received_at: midnight, agent: 'agent-0', type: 'metrics' },
      report,
    });
    const { found, problems } = await cat(reports.parts());
    expect(found.map(({ id }) => id).sort()).toEqual(given.map(({ id }) => id));
    expect(problems).toEqual([]);
    expect(await reports.process().audit({ deep: true })).toMatchObject({
      delivered: 60,
      missing: 0,
      duplicated: 0,
    });
  });

  test('gives back what is asked for, by time, agent, type and content', async () => {
    const reports = await made(PARTITIONED);
    const given = someReports(60, midnight);
    await writeSegment(reports.spool, 1, given);
    await deliverAll(reports.process());
    const ids = async (filter: Parameters<typeof cat>[1]): Promise<readonly (string | null)[]> =>
      (await cat(reports.parts(), filter)).found.map(({ id }) => id).sort();
    const expected = (wanted: (one: (typeof given)[number], n: number) => boolean): readonly string[] =>
      given.filter(wanted).map(({ id }) => id);
    const [since, until] = ['2026-05-01T23:59:58.000Z', '2026-05-02T00:00:05.000Z'];
    expect(await ids({ sinceMs: at(since), untilMs: at(until) })).toEqual(
      expected((one) => one.at >= since && one.at < until),
    );
    expect(await ids({ agent: 'agent-1' })).toEqual(expected(({ agent }) => agent === 'agent-1'));
    expect(await ids({ agent: 'agent-1', type: 'events' })).toEqual(
      expected(({ agent, type }) => agent === 'agent-1' && type === 'events'),
    );
    expect(await ids({ conditions: [new Condition('$.host.name=host-2'), new Condition('$.n=5')] })).toEqual([
      'id-00000005',
    ]);
    expect(await ids({ agent: 'nobody' })).toEqual([]);
  });

  test('is read no further than the folders that are asked for', async () => {
    const reports = await made(PARTITIONED);
    await writeSegment(reports.spool, 1, someReports(60, midnight));
    await deliverAll(reports.process());
    const parts = reports.parts();
    const listed: string[] = [];
    const read: string[] = [];
    const store: typeof parts.store = {
      ...{ kind: parts.store.kind, place: parts.store.place },
      list: (prefix, signal) => {
        listed.push(prefix);
        return parts.store.list(prefix, signal);
      },
      read: (name, signal) => {
        read.push(name);
        return parts.store.read(name, signal);
      },
      put: (...args) => parts.store.put(...args),
      head: (...args) => parts.store.head(...args),
      remove: (...args) => parts.store.remove(...args),
      check: (...args) => parts.store.check(...args),
    };
    await cat(
      { ...parts, store },
      { sinceMs: at('2026-05-02T00:00:00Z'), untilMs: at('2026-05-02T12:00:00Z'), agent: 'agent-0' },
    );
    expect(listed).toEqual(['2026/05/02/agent-0/reports-']);
    expect(read).toEqual(['2026/05/02/agent-0/reports-2026-05-01T23-59-50.000Z.jsonl.zst']);
  });
});

describe('an archive in S3', () => {
  test('gets each report once, and gives it back', async () => {
    const reports = await made({
      'reports.archive': 's3',
      'reports.bucket': BUCKET,
      'reports.prefix': 'telemetry/',
      's3.endpoint': s3.engine.url,
      's3.access-key-id': 'S3RVER',
      's3.secret-access-key': 'S3RVER',
    });
    const given = someReports(2000);
    await writeSegment(reports.spool, 1, given);
    await deliverAll(reports.process());
    const content = await s3.content('telemetry/reports-2026-05-01T12-00-00.000Z.jsonl.zst');
    await writeFile(join(reports.dir, 'copy.jsonl.zst'), content);
    expect(await zstdcat(join(reports.dir, 'copy.jsonl.zst'))).toBe(
      given.map(({ line }) => `${line}\n`).join(''),
    );
    expect((await cat(reports.parts())).found.map(({ text }) => text)).toEqual(given.map(({ line }) => line));
    expect(await reports.process().audit({ deep: true })).toMatchObject({
      delivered: 2000,
      missing: 0,
      duplicated: 0,
    });
  });

  test('that has lost a file is told of by a deep audit', async () => {
    const reports = await made({});
    await writeSegment(reports.spool, 1, someReports(50));
    await writeSegment(reports.spool, 2, someReports(50, '2026-05-01T13:00:00.000Z'));
    await deliverAll(reports.process());
    await rm(join(reports.archive, 'reports-2026-05-01T12-00-00.000Z.jsonl.zst'));
    expect(await reports.process().audit({ deep: false })).toMatchObject({ missing: 0 });
    expect(await reports.process().audit({ deep: true })).toMatchObject({ delivered: 50, missing: 50 });
  });
});

describe('reports cat', () => {
  test('prints what the archive has, and of a broken file what can be read, with status 1', async () => {
    const reports = await made({});
    const given = someReports(30);
    await writeSegment(reports.spool, 1, given);
    await writeSegment(reports.spool, 2, someReports(30, '2026-05-01T13:00:00.000Z', 30));
    await deliverAll(reports.process());
    const environment = {
      LOG_COURIER_REPORTS_DIRECTORY: reports.archive,
      LOG_COURIER_REPORTS_SPOOL_DIRECTORY: reports.spool,
    };
    const all = await runCli(['reports', 'cat'], { environment });
    expect(all).toMatchObject({ status: 0, stderr: '' });
    expect(all.stdout.split('\n')).toHaveLength(61);
    const one = await runCli(['reports', 'cat', '--where', '$.n=31', '--json'], { environment });
    expect(JSON.parse(one.stdout)).toMatchObject({ report: { n: 31 }, id: null });
    const unknown = await runCli(['reports', 'cat', '--agent', 'agent-1'], { environment });
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toContain('do not say their agent');

    const broken = join(reports.archive, 'reports-2026-05-01T12-00-00.000Z.jsonl.zst');
    await truncate(broken, (await readFile(broken)).length - 3);
    await appendFile(join(reports.archive, 'reports-2026-05-01T14-00-00.000Z.jsonl'), '{"n":\n{"n":99}\n');
    const rest = await runCli(['reports', 'cat', '--since', '2026-05-01'], { environment });
    expect(rest.status).toBe(1);
    expect(rest.stdout).toContain('{"n":59,');
    expect(rest.stdout).toContain('{"n":99}');
    expect(rest.stderr).toContain('reports-2026-05-01T12-00-00.000Z.jsonl.zst: it is no whole zstd file');
    expect(rest.stderr).toContain('reports-2026-05-01T14-00-00.000Z.jsonl: 1 of its lines are no JSON');
  });

  test.each([
    ['--since', 'yesterday'],
    ['--where', 'n=1'],
  ])('refuses %s %s', async (flag, value) => {
    expect(await runCli(['reports', 'cat', flag, value])).toMatchObject({ status: 2 });
  });
});

describe('reports import', () => {
  test('says what it took, and takes nothing out of the archive itself', async () => {
    const reports = await made({});
    await writeFile(join(reports.dir, 'a.jsonl'), '{"n":1}\n{"n":2}\n');
    const environment = {
      LOG_COURIER_REPORTS_DIRECTORY: reports.archive,
      LOG_COURIER_REPORTS_SPOOL_DIRECTORY: reports.spool,
    };
    const first = await runCli(['reports', 'import', reports.dir], { environment });
    expect(first).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('1 files with 2 reports taken'),
    });
    const again = await runCli(['reports', 'import', reports.archive], { environment });
    expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('is in the archive itself') });
  });
});
