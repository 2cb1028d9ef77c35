import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildProgram } from '../../src/cli/program.js';
import { usualRoles } from '../../src/cli/roles.js';
import { CONFIG_FILE_VARIABLE, loadSettings } from '../../src/config/load.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, settingsTable } from '../../src/config/settings.js';
import { callsOf, environmentOf, readComposeFile, type ComposeService } from '../support/compose.js';

const silent = { write: () => undefined, isTTY: false };
const { commands } = buildProgram({
  stdout: silent,
  stderr: silent,
  environment: {},
  stop: new AbortController().signal,
  exitCode: 0,
});

const compose = readComposeFile('docker-compose.yml');
const dockerfile = readFileSync('deploy/Dockerfile', 'utf8');

const all = Object.entries(compose.services);
const own = all.filter(([, { build }]) => build !== undefined);
const longRunning = all.filter(([, { restart }]) => restart !== undefined);

function serviceNamed(name: string): ComposeService {
  const service = compose.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

function rolesOf(service: ComposeService): readonly string[] {
  return callsOf(service).flatMap((call) => {
    const given = call.indexOf('--roles');
    return given === -1 ? [] : (call[given + 1] ?? '').split(',');
  });
}

/** What it moves are access logs: there is nothing to collect. */
const ROLES_HERE = usualRoles(['access-logs']);

describe('docker-compose.yml', () => {
  test('runs every role of the program, the source of its logs, and what they need', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      [...ROLES_HERE, 'log-source', 'schema', 'redis', 'clickhouse', 's3'].sort(),
    );
    expect(own.flatMap(([, service]) => rolesOf(service)).sort()).toEqual([...ROLES_HERE].sort());
  });

  test('runs two processors', () => {
    expect(serviceNamed('processors').deploy?.replicas).toBe(2);
  });

  test.each(all)('%s comes from an image of a stated version', (_name, { image }) => {
    expect(image).toMatch(/:[\w.-]+$/);
    expect(image).not.toMatch(/:latest$/);
  });

  test.each(longRunning)('%s has a health check', (_name, service) => {
    const ofImage = service.build !== undefined && service.entrypoint === undefined;
    const check = ofImage ? dockerfile.includes('\nHEALTHCHECK ') : service.healthcheck !== undefined;
    expect(check).toBe(true);
  });

  test.each(all)('%s waits for services that exist, in a way that they can meet', (_name, service) => {
    for (const [needed, { condition }] of Object.entries(service.depends_on)) {
      const runsOn = serviceNamed(needed).restart !== undefined;
      expect([needed, condition]).toEqual([
        needed,
        runsOn ? 'service_healthy' : 'service_completed_successfully',
      ]);
    }
  });

  test.each(all)('%s mounts only volumes that are declared', (_name, { volumes }) => {
    for (const volume of volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  });
});

describe.each(own)('service %s', (_name, service) => {
  test('is built from deploy/Dockerfile', () => {
    expect(service.build).toEqual({ context: '.', dockerfile: 'deploy/Dockerfile' });
  });

  test('is given only variables of settings', () => {
    const known = [...settingNames.map(variableOf), CONFIG_FILE_VARIABLE];
    expect(Object.keys(service.environment).filter((name) => !known.includes(name))).toEqual([]);
  });

  test('is given settings that the program accepts', () => {
    expect(() => loadSettings({ flags: {}, environment: environmentOf(service) })).not.toThrow();
  });

  test('calls commands that exist, with options that they have', () => {
    const calls = callsOf(service);
    expect(calls).not.toEqual([]);
    for (const [command = '', ...rest] of calls) {
      expect(commands.map((known) => known.name())).toContain(command);
      const found = commands.find((known) => known.name() === command);
      // Some commands hand what they are given to one below them.
      const options = [found, ...(found?.commands ?? [])].flatMap((one) =>
        one?.options.map(({ long }) => long),
      );
      expect(rest.filter((word) => word.startsWith('--') && !options.includes(word))).toEqual([]);
    }
  });

  test('runs only roles that exist', () => {
    for (const role of rolesOf(service)) expect(ROLES_HERE).toContain(role);
  });

  test('finds ClickHouse, Redis and S3 under their names in the network', () => {
    const { settings } = loadSettings({ flags: {}, environment: environmentOf(service) });
    const urls = [...settings['clickhouse.url'], settings['redis.url'], settings['s3.endpoint']];
    expect(urls.map((url) => new URL(url).hostname)).toEqual(['clickhouse', 'redis', 's3']);
  });
});

describe('the services that log-courier needs', () => {
  test('take the credentials that log-courier is given, also those of a file .env', () => {
    const variables = {
      DEMO_CLICKHOUSE_PASSWORD: 'one',
      DEMO_S3_ACCESS_KEY_ID: 'two',
      DEMO_S3_SECRET_ACCESS_KEY: 'three',
    };
    for (const given of [{}, variables]) {
      const { services } = readComposeFile('docker-compose.yml', given);
      const environment = services['processors']?.environment ?? {};
      const clickhouse = services['clickhouse']?.environment;
      const s3 = services['s3']?.environment;
      expect(environment['LOG_COURIER_CLICKHOUSE_USERNAME']).toBe(clickhouse?.['CLICKHOUSE_USER']);
      expect(environment['LOG_COURIER_CLICKHOUSE_PASSWORD']).toBe(clickhouse?.['CLICKHOUSE_PASSWORD']);
      expect(environment['S3_ACCESS_KEY_ID']).toBe(s3?.['ROOT_ACCESS_KEY']);
      expect(environment['S3_SECRET_ACCESS_KEY']).toBe(s3?.['ROOT_SECRET_KEY']);
      if (given === variables) expect(environment['S3_SECRET_ACCESS_KEY']).toBe('three');
    }
  });

  test('listen where log-courier looks for them', () => {
    const { settings } = loadSettings({
      flags: {},
      environment: environmentOf(serviceNamed('processors')),
    });
    expect(`:${new URL(settings['s3.endpoint']).port}`).toBe(serviceNamed('s3').environment['VGW_PORT']);
    expect(settings['clickhouse.url'].map((url) => new URL(url).port)).toEqual(['8123']);
    expect(new URL(settings['redis.url']).port).toBe('6379');
  });

  test('include a Redis that keeps what it was told and never evicts a key', () => {
    const command = serviceNamed('redis').command ?? [];
    expect(command.join(' ')).toContain('--appendonly yes');
    expect(command.join(' ')).toContain('--maxmemory-policy noeviction');
  });
});

describe('what can be reached from outside', () => {
  test('is the dashboard alone, from this machine alone, on the port that it listens on', () => {
    const published = all.flatMap(([name, { ports }]) => ports.map((port) => [name, port]));
    const { settings } = loadSettings({
      flags: {},
      environment: environmentOf(serviceNamed('dashboard')),
    });
    const port = settings['dashboard.listen-port'];
    expect(published).toEqual([['dashboard', `127.0.0.1:${port}:${port}`]]);
    expect(settings['dashboard.listen-address']).toBe('0.0.0.0');
  });
});

describe('what is taken out of the packages in the image', () => {
  test('are types, maps, readmes and the compiler; what a program reads, and licences, stay', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-courier-prune-'));
    const kept = [
      'one/index.js',
      'one/package.json',
      'one/LICENSE.md',
      'one/addon.node',
      '@a/b/NOTICE.md',
      '@a/b/c.mjs',
    ];
    const gone = [
      'one/index.d.ts',
      'one/index.js.map',
      'one/README.md',
      'one/src/index.ts',
      'typescript/lib/tsc.js',
      '.bin/tsc',
      '@a/b/c.d.mts',
    ];
    for (const file of [...kept, ...gone]) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), '');
    }
    execFileSync('sh', ['scripts/prune-packages.sh', folder]);
    const left = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    rmSync(folder, { recursive: true });
    expect(left.sort()).toEqual([...kept].sort());
  });
});

describe('deploy/Dockerfile', () => {
  const instructions = dockerfile.replaceAll('\\\n', ' ').split('\n');
  const argumentsOf = (instruction: string): readonly string[] =>
    instructions
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1));

  test('exposes the ports of the dashboard and the metrics server', () => {
    const ports = ['dashboard.listen-port', 'metrics-server.listen-port'] as const;
    expect(argumentsOf('EXPOSE')).toEqual([ports.map((name) => settingsTable[name].default).join(' ')]);
  });

  test('asks the metrics server for its health', () => {
    const [check = ''] = argumentsOf('HEALTHCHECK');
    expect(check).toContain(variableOf('metrics-server.listen-port'));
    expect(check).toContain(`|| ${settingsTable['metrics-server.listen-port'].default}`);
    expect(check).toContain('/healthz');
  });

  test('runs the program as it runs by its own name, as a user without rights, below an init process', () => {
    expect(argumentsOf('USER')).toEqual(['1000:1000']);
    const [interpreter = ''] = readFileSync('src/cli.ts', 'utf8').split('\n');
    const [, command = ''] = /^#!\/usr\/bin\/env -S (.+)$/.exec(interpreter) ?? [];
    const entrypoint = ['tini', '--', ...command.split(' '), '/app/dist/cli.js'];
    expect(argumentsOf('ENTRYPOINT').map((text): unknown => JSON.parse(text))).toEqual([entrypoint]);
    expect(argumentsOf('CMD')).toEqual(['["run"]']);
  });

  test('takes no development packages and runs no install scripts in the image that is shipped', () => {
    const [, shipped = ''] = dockerfile.split(/^FROM .* AS dependencies$/m);
    expect(shipped).toContain('npm ci --omit=dev --ignore-scripts');
    expect(shipped).toContain('RUN sh scripts/prune-packages.sh node_modules');
    expect(shipped).toContain('COPY --from=dependencies /app/node_modules node_modules');
    expect(dockerfile.match(/npm ci(?!.*--ignore-scripts)/g)).toBeNull();
  });

  test('copies only what the build is given, and all of that', () => {
    const given = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? line.slice(1) : []));
    const copied = argumentsOf('COPY')
      .filter((text) => !text.startsWith('--from='))
      .flatMap((text) => text.split(' ').slice(0, -1));
    expect([...new Set(copied)].sort()).toEqual([...given].sort());
  });
});
