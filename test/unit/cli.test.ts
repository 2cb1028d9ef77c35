import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { UsageError } from '../../src/cli/context.js';
import { formatCount, formatDuration } from '../../src/cli/format.js';
import { rolesFrom } from '../../src/cli/roles.js';
import { settingNames } from '../../src/config/settings.js';
import { runCli } from '../support/cli.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function yamlFile(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('what people read', () => {
  test.each([
    [0, '0 s'],
    [0.4, '0 s'],
    [42, '42 s'],
    [59.6, '1 min'],
    [90, '1 min 30 s'],
    [3600, '1 h'],
    [5025, '1 h 23 min'],
    [273_600, '3 d 4 h'],
    [277_259, '3 d 5 h'],
  ])('%p seconds are %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [12_345_678, '12,345,678'],
  ])('%i is %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });
});

describe('--roles', () => {
  test.each([
    ['discovery', ['discovery']],
    ['processors, discovery', ['discovery', 'processors']],
    ['dashboard,dashboard', ['dashboard']],
    ['dashboard,processors,discovery', ['discovery', 'processors', 'dashboard']],
  ])('%s are %p', (text, roles) => {
    expect(rolesFrom(text)).toEqual(roles);
  });

  test.each(['', ' ', 'Processors', 'processor', 'discovery,', 'discovery;dashboard'])(
    'refuses %p and says what there is',
    (text) => {
      expect(() => rolesFrom(text)).toThrow(UsageError);
      expect(() => rolesFrom(text)).toThrow(/discovery, processors, dashboard/);
    },
  );
});

const COMMANDS = [
  [],
  ['run'],
  ['embedded'],
  ['schema'],
  ['schema', 'print'],
  ['schema', 'apply'],
  ['generate'],
  ['import'],
  ['discover'],
  ['status'],
  ['retry'],
  ['skip'],
  ['audit'],
  ['verify-manifest'],
  ['config'],
  ['doctor'],
  ['hash-password'],
  ['demo'],
];

describe('help', () => {
  test.each(COMMANDS.map((words) => ({ name: words.join(' '), words })))(
    'log-courier $name --help has an example',
    async ({ words }) => {
      const { status, stdout, stderr } = await runCli([...words, '--help']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: log-courier /);
      expect(stdout).toMatch(/\nExamples?:\s+log-courier /);
    },
  );

  test('of the program names every command', async () => {
    const { stdout } = await runCli(['--help']);
    for (const [name] of COMMANDS)
      if (name !== undefined) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test('of config lists every setting with its flag and its variable', async () => {
    const { stdout } = await runCli(['config', '--help']);
    for (const name of settingNames) expect(stdout).toContain(`--${name.replaceAll('.', '-')}  (`);
    expect(stdout).toContain('(S3_ENDPOINT)');
    expect(stdout).toContain('(LOG_COURIER_REDIS_URL)');
  });

  test('--version is that of package.json', async () => {
    const manifest = z.object({ version: z.string() });
    const { version } = manifest.parse(JSON.parse(readFileSync('package.json', 'utf8')));
    expect(await runCli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('wrong usage ends with status 2 and says what is wrong:', () => {
  test.each([
    ['', /Usage: log-courier/],
    ['deliver', /unknown command 'deliver'/],
    ['doctor --bucket photos --bucket No_Bucket', /no bucket can be named "No_Bucket"/],
    ['run --rolls discovery', /unknown option '--rolls'/],
    ['run now', /too many arguments/],
    [
      'run --roles workers',
      /--roles: "workers" is not allowed; give one or several of discovery, processors, dashboard/,
    ],
    ['schema drop', /unknown command 'drop'/],
    ['generate', /--rows <number>' not specified/],
    ['generate --rows ten', /--rows.*whole number/],
    ['generate --rows 0', /rows: 0 is not allowed; give a whole number from 1/],
    ['generate --rows 5 --targets 0', /target buckets: 0 is not allowed/],
    ['generate --rows 5 --span 3', /--span.*"3" is no duration/],
    ['import', /missing required argument 'files'/],
    ['import --target-prefix a/ a.log', /--target-prefix is of no use without --target-bucket/],
    ['import --raft-session 65536 a.log', /--raft-session takes a number up to 65535/],
    ['retry', /retry: give one of --all, --bucket or --order/],
    ['retry --all --bucket photos', /retry: give one of --all, --bucket or --order/],
    ['retry --bucket', /argument missing/],
    ['demo --rows 0', /--rows.*whole number of at least 1/],
    ['config --log-level', /argument missing/],
  ])('log-courier %s', async (line, message) => {
    const { status, stdout, stderr } = await runCli(line === '' ? [] : line.split(' '));
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('a wrong setting ends every command with status 2 and names setting, value, origin and what is allowed:', () => {
  const unknownName = yamlFile('unknown.yaml', 'consumer:\n  count-treshold: 5\n');
  const negative = yamlFile('negative.yaml', 'consumer:\n  count-threshold: -1\n');
  test.each<[string, string[], Record<string, string>, string[]]>([
    [
      'an unknown name in the YAML file',
      ['--config-file', unknownName],
      {},
      ['consumer.count-treshold', 'unknown setting', unknownName, 'consumer.count-threshold'],
    ],
    [
      'a negative threshold in the YAML file',
      [],
      { LOG_COURIER_CONFIG_FILE: negative },
      ['consumer.count-threshold', '"-1"', `file ${negative}`, 'a whole number of at least 1'],
    ],
    [
      'a negative threshold in a flag',
      ['--consumer-time-threshold-seconds', '-5'],
      {},
      ['consumer.time-threshold-seconds', '"-5"', 'flag --consumer-time-threshold-seconds', 'at least 0'],
    ],
    [
      'a URL of another kind',
      [],
      { LOG_COURIER_REDIS_URL: 'http://queue' },
      ['redis.url', '"http://queue"', 'variable LOG_COURIER_REDIS_URL', 'redis:// or rediss://'],
    ],
    [
      'text that is no URL',
      [],
      { S3_ENDPOINT: 'minio:9000' },
      ['s3.endpoint', '"minio:9000"', 'variable S3_ENDPOINT', 'http:// or https://'],
    ],
    [
      'a dashboard that is open to everyone',
      ['--dashboard-listen-address', '0.0.0.0'],
      {},
      [
        'dashboard.listen-address',
        '"0.0.0.0"',
        'flag --dashboard-listen-address',
        'dashboard.username and dashboard.password',
      ],
    ],
    [
      'a word that is none of the allowed ones',
      ['--log-level', 'verbose'],
      {},
      ['log-level', '"verbose"', 'flag --log-level', 'one of error, warn, info, debug'],
    ],
    [
      'a file that is not there',
      ['--config-file', join(folder, 'none.yaml')],
      {},
      ['config-file', join(folder, 'none.yaml'), 'give the path of a YAML map'],
    ],
  ])('%s', async (_, flags, environment, parts) => {
    for (const words of [['config'], ['run', '--once'], ['status'], ['schema', 'print']]) {
      const { status, stdout, stderr } = await runCli([...words, ...flags], { environment });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^log-courier: wrong setting: /);
      for (const part of parts) expect(stderr).toContain(part);
    }
  });

  test('all of them at once', async () => {
    const environment = { LOG_COURIER_LOG_LEVEL: 'loud', S3_ENDPOINT: 'nowhere' };
    const { stderr } = await runCli(['config'], { environment });
    expect(stderr.trim().split('\n')).toHaveLength(2);
  });

  test('and never the value of a secret', async () => {
    const environment = { LOG_COURIER_DASHBOARD_PASSWORD: 'hunter2' };
    const { status, stderr } = await runCli(['config'], { environment });
    expect(status).toBe(2);
    expect(stderr).toContain('dashboard.username');
    expect(stderr).not.toContain('hunter2');
  });
});

describe('config', () => {
  const environment = {
    LOG_COURIER_CLICKHOUSE_PASSWORD: 'hunter2',
    LOG_COURIER_REDIS_URL: 'redis://courier:hunter2@queue:6379',
    S3_ACCESS_KEY_ID: 'AKIA',
    S3_SECRET_ACCESS_KEY: 'hunter2',
  };
  const shown = z.record(z.string(), z.object({ value: z.string(), origin: z.string() }));

  test('--json prints every setting with its value and where it came from, and hides secrets', async () => {
    const file = yamlFile('good.yaml', 'consumer:\n  num-workers: 3\n');
    const words = ['config', '--json', '--config-file', file, '--log-level', 'debug', '--s3-tls-skip-verify'];
    const { status, stdout, stderr } = await runCli(words, { environment });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const settings = shown.parse(JSON.parse(stdout));
    expect(Object.keys(settings)).toEqual(settingNames);
    expect(settings).toMatchObject({
      'log-level': { value: 'debug', origin: 'flag --log-level' },
      's3.tls-skip-verify': { value: 'true', origin: 'flag --s3-tls-skip-verify' },
      'consumer.num-workers': { value: '3', origin: `file ${file}` },
      'consumer.count-threshold': { value: '10000', origin: 'default' },
      'clickhouse.password': { value: '(hidden)', origin: 'variable LOG_COURIER_CLICKHOUSE_PASSWORD' },
      's3.secret-access-key': { value: '(hidden)', origin: 'variable S3_SECRET_ACCESS_KEY' },
    });
    expect(stdout).not.toContain('hunter2');
  });

  test('prints a table for people, without secrets too', async () => {
    const { status, stdout } = await runCli(['config'], { environment });
    expect(status).toBe(0);
    for (const name of settingNames) expect(stdout).toContain(name);
    expect(stdout).not.toContain('hunter2');
  });
});

describe('schema print', () => {
  test('prints SQL for one node, and for a cluster when one is named', async () => {
    const node = await runCli(['schema', 'print', '--clickhouse-database', 'archive']);
    expect(node.status).toBe(0);
    expect(node.stdout).toContain('CREATE TABLE IF NOT EXISTS archive.');
    expect(node.stdout).not.toContain('ON CLUSTER');
    const cluster = await runCli(['schema', 'print', '--clickhouse-cluster', 'ring']);
    expect(cluster.stdout).toContain("ON CLUSTER 'ring'");
    expect(cluster.stdout).toContain('Distributed');
  });
});
