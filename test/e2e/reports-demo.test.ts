import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { postReports } from '../../src/cli/demo/post-reports.js';
import { startRedis } from '../../src/embedded/redis.js';
import { killAll, runCli, spawnCli, type CliProcess } from '../support/cli.js';
import { useEngines } from '../support/test-engines.js';

const redis = useEngines('reports-demo-redis', ({ dir }) => startRedis({ dir }));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-courier-reports-demo-'));
});

afterEach(killAll);

afterAll(async () => {
  await rm(directory, { recursive: true });
});

test('demo reports --exit has each report that was posted once, ends with status 0 and leaves nothing behind', async () => {
  const TMPDIR = join(directory, 'demo');
  await mkdir(TMPDIR);
  const demo = spawnCli(['demo', 'reports', '--exit', '--rows', '3000'], { environment: { TMPDIR } });
  const { status, stdout } = await demo.ended;
  expect(stdout).toContain(
    '3,000 of 3,000 reports are there once; 0 are missing, 0 are there more than once',
  );
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    ...{ pipeline: 'reports', records: 3000, delivered: 3000, missing: 0, duplicated: 0 },
  });
  expect(status).toBe(0);
  expect(await readdir(TMPDIR)).toEqual([]);
});

test('a collector that is killed while agents post has lost and doubled nothing of what they post again', async () => {
  const agents = ['north', 'south', 'east', 'west'].map((name) => ({ name, token: `token-of-${name}` }));
  const agentsFile = join(directory, 'agents.yaml');
  const known = agents.map(({ name, token }) => ({
    name,
    'token-sha256': createHash('sha256').update(token).digest('hex'),
  }));
  // YAML is a superset of JSON.
  await writeFile(agentsFile, JSON.stringify({ agents: known }));
  const environment = {
    LOG_COURIER_PIPELINES: 'reports',
    LOG_COURIER_REDIS_URL: redis().url,
    LOG_COURIER_METRICS_SERVER_ENABLED: 'false',
    LOG_COURIER_REPORTS_SPOOL_DIRECTORY: join(directory, 'spool'),
    LOG_COURIER_REPORTS_DIRECTORY: join(directory, 'archive'),
    LOG_COURIER_REPORTS_AGENTS_FILE: agentsFile,
    LOG_COURIER_REPORTS_SEGMENT_MAX_BYTES: '65536',
  };
  const started = async (port: string): Promise<{ collector: CliProcess; url: string }> => {
    const collector = spawnCli(['run', '--roles', 'collector'], {
      environment: { ...environment, LOG_COURIER_REPORTS_LISTEN_PORT: port },
    });
    const event = await collector.logged(({ msg }) => msg === 'collector listening');
    return { collector, url: z.string().parse(event['url']) };
  };
  const { collector: first, url } = await started('0');
  let acknowledged = 0;
  let tell: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => (tell = resolve));
  const posting = postReports({
    ...{ url, agents, reports: 4000, firstSerial: 0, signal: new AbortController().signal },
    onProgress: (reports) => {
      acknowledged = reports;
      if (reports >= 1000) tell();
    },
  });
  await underWay;
  first.kill('SIGKILL');
  await first.ended;
  expect(acknowledged).toBeLessThan(4000);
  const { collector: second } = await started(new URL(url).port);
  await posting;
  second.kill('SIGTERM');
  expect((await second.ended).status).toBe(0);

  const once = await runCli(['run', '--once'], {
    environment: { ...environment, LOG_COURIER_LOG_LEVEL: 'error' },
  });
  expect(once.status).toBe(0);
  const { stdout, status } = await runCli(['reports', 'cat'], { environment });
  expect(status).toBe(0);
  const posted = z.object({ serial: z.int() });
  const serials = stdout
    .trim()
    .split('\n')
    .map((line) => posted.parse(JSON.parse(line)).serial);
  expect(serials.sort((a, b) => a - b)).toEqual(Array.from({ length: 4000 }, (_, serial) => serial));
});
