import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  describeOrigin,
  loadSettings,
  SettingsError,
  shownValue,
  type SettingSources,
} from '../../src/config/load.js';
import { hideSecrets } from '../../src/config/secrets.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, settingOf, settingsTable } from '../../src/config/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'settings-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
function yamlFile(content: string): string {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  writeFileSync(path, content);
  return path;
}

function load(sources: Partial<SettingSources>) {
  return loadSettings({ flags: {}, environment: {}, ...sources });
}

function loadYaml(content: string) {
  return load({ configFile: yamlFile(content) });
}

function problemsOf(sources: Partial<SettingSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

function problemsOfYaml(content: string): readonly string[] {
  return problemsOf({ configFile: yamlFile(content) });
}

describe('the table of settings', () => {
  test.each(settingNames)('%s has a default that validates', (name) => {
    expect(settingOf(name).schema.safeParse(settingOf(name).default)).toMatchObject({ success: true });
  });

  test.each(settingNames)('%s says what it is and what is allowed', (name) => {
    expect(settingOf(name).help).toMatch(/\.$/);
    expect(settingOf(name).schema.description).toMatch(/\w/);
  });

  test('gives every setting a variable of its own', () => {
    expect(new Set(settingNames.map(variableOf)).size).toBe(settingNames.length);
  });

  test('begins the variables of S3 settings with S3_ and all others with LOG_COURIER_', () => {
    for (const name of settingNames)
      expect(variableOf(name)).toMatch(name.startsWith('s3.') ? /^S3_/ : /^LOG_COURIER_/);
  });

  test('marks every password and secret as such', () => {
    const named = settingNames.filter((name) =>
      /password$|secret$|secret-access|otlp-headers|webhook-url|smtp-url|dsn$/.test(name),
    );
    expect(settingNames.filter((name) => settingOf(name).secret)).toEqual(named);
  });
});

describe('a setting is taken from', () => {
  const flags = { 'log-level': 'error' };
  const environment = { LOG_COURIER_LOG_LEVEL: 'warn' };
  const configFile = yamlFile('log-level: debug');

  test.each([
    [{ flags, environment, configFile }, 'error', 'flag --log-level'],
    [{ flags, configFile }, 'error', 'flag --log-level'],
    [{ environment, configFile }, 'warn', 'variable LOG_COURIER_LOG_LEVEL'],
    [{ configFile }, 'debug', `file ${configFile}`],
    [{ environment: { LOG_COURIER_CONFIG_FILE: configFile } }, 'debug', `file ${configFile}`],
    [{ environment: { LOG_COURIER_CONFIG_FILE: '' } }, 'info', 'default'],
    [{}, 'info', 'default'],
  ])('the flag, else the variable, else the file, else the default (%#)', (sources, level, origin) => {
    const { settings, origins } = load(sources);
    expect(settings['log-level']).toBe(level);
    expect(describeOrigin(origins.get('log-level') ?? { kind: 'default' })).toBe(origin);
  });

  test('an empty variable, which wins over the file', () => {
    const { settings } = load({
      environment: { LOG_COURIER_OBJECT_KEY_SOURCE_ACCOUNT: '' },
      configFile: yamlFile('object-key: { source-account: "1234" }'),
    });
    expect(settings['object-key.source-account']).toBe('');
  });
});

describe('the YAML file', () => {
  test.each([
    ['nested names', 'clickhouse:\n  database: archive'],
    ['dotted names', 'clickhouse.database: archive'],
    ['an anchor', 'object-key.source-account: &a archive\nclickhouse: { database: *a }'],
  ])('takes %s', (_, content) => {
    expect(loadYaml(content).settings['clickhouse.database']).toBe('archive');
  });

  test('gives a text setting what stands there, not the number that YAML sees in it', () => {
    const { settings } = loadYaml(
      'redis: { username: 1.10, password: 007 }\nclickhouse.password: 12345678901234567890\nclickhouse.username: true',
    );
    expect(settings['redis.username']).toBe('1.10');
    expect(settings['redis.password']).toBe('007');
    expect(settings['clickhouse.password']).toBe('12345678901234567890');
    expect(settings['clickhouse.username']).toBe('true');
  });

  test.each(['', '# nothing but a remark', 'redis:', 'redis:\n  # url: redis://other', 'log-level: null'])(
    'leaves the defaults in force where it says nothing: %j',
    (content) => {
      expect(loadYaml(content).settings).toEqual(load({}).settings);
    },
  );

  test('takes the URLs of ClickHouse as a list or with commas, without trailing slashes', () => {
    const expected = ['http://one:8123', 'https://two'];
    expect(loadYaml('clickhouse.url: ["http://one:8123/", https://two]').settings['clickhouse.url']).toEqual(
      expected,
    );
    expect(loadYaml('clickhouse.url: http://one:8123, https://two/').settings['clickhouse.url']).toEqual(
      expected,
    );
  });

  test.each([
    ['clickhouse: { urll: http://one }', /^clickhouse\.urll: unknown .*; known here: clickhouse\.url, /],
    ['clickhuose: { url: http://one }', /^clickhuose\.url: unknown .*`log-courier config` lists the names$/],
    ['redis: redis://other', /^redis: unknown .*; known here: redis\.url, /],
    ['log-level: { least: info }', /^log-level\.least: unknown .*; known here: log-level$/],
    ['__proto__: { log-level: warn }', /^__proto__\.log-level: unknown/],
    [
      'log-level: [info, warn]',
      /^log-level: "info,warn" \(from file .*\) is not allowed; give one of error, /,
    ],
    ['redis.username: [one]', /^redis\.username: "one" \(from file .*\) is not allowed; give text$/],
    ['clickhouse.url: []', /^clickhouse\.url: "" \(from file .*\) is not allowed; give one URL or several/],
    ['redis: { url: redis://one }\nredis.url: redis://two', /^redis\.url: given twice \(in file .*\)/],
    ['log-level: info\nlog-level: warn', /^config-file: .* line 2, column 1: Map keys must be unique/],
    ['log-level: !word info', /^config-file: .*Unresolved tag: !word/],
    ['- log-level', /^config-file: .* it holds no map; give the path of a YAML map of settings$/],
    ['just words', /^config-file: .* it holds no map/],
    ['log-level: info\n---\nlog-level: warn', /^config-file: .*multiple documents/],
    ['redis: &r { url: *r }', /^config-file: .* cannot be read/],
  ])('is refused with a hint: %j', (content, problem) => {
    expect(problemsOfYaml(content)).toEqual([expect.stringMatching(problem)]);
  });

  test('never has its passwords in a message, however malformed it is', () => {
    for (const content of [
      'redis:\n  password: hunter2\n  password: hunter2\n',
      'redis:\n  password: "hunter2\n',
      'redis:\n\tpassword: hunter2\n',
      'redis.password: !secret hunter2',
      'redis.password: [hunter2]',
      'redis.passwort: hunter2',
      'redis.url: redis//me:hunter2@one',
    ]) {
      const problems = problemsOfYaml(content);
      expect(problems).not.toEqual([]);
      expect(problems.join()).not.toContain('hunter2');
    }
  });

  test('is named when it is not there', () => {
    expect(problemsOf({ configFile: join(folder, 'missing.yaml') })).toEqual([
      expect.stringMatching(/^config-file: .*missing\.yaml cannot be read: .*ENOENT/),
    ]);
  });
});

describe('a wrong value is refused with its setting, value, origin and what is allowed', () => {
  test.each([
    [
      { LOG_COURIER_CONSUMER_COUNT_THRESHOLD: '-1' },
      'consumer.count-threshold: "-1" (from variable LOG_COURIER_CONSUMER_COUNT_THRESHOLD) is not allowed; give a whole number of at least 1',
    ],
    [
      { LOG_COURIER_CONSUMER_COUNT_THRESHOLD: '1.5' },
      'consumer.count-threshold: "1.5" (from variable LOG_COURIER_CONSUMER_COUNT_THRESHOLD) is not allowed; give a whole number of at least 1',
    ],
    [
      { LOG_COURIER_REDIS_URL: 'localhost:6379' },
      'redis.url: "localhost:6379" (from variable LOG_COURIER_REDIS_URL) is not allowed; give a URL that begins with redis:// or rediss:// and ends with nothing or /NUMBER of the database',
    ],
    [
      { S3_ENDPOINT: 'ftp://files' },
      's3.endpoint: "ftp://files" (from variable S3_ENDPOINT) is not allowed; give a URL that begins with http:// or https://, or nothing',
    ],
    [
      { S3_FORCE_PATH_STYLE: 'perhaps' },
      's3.force-path-style: "perhaps" (from variable S3_FORCE_PATH_STYLE) is not allowed; give true or false',
    ],
    [
      { S3_SECRET_ACCESS_KEY: 'hunter2' },
      's3.access-key-id: "" (from default) is not allowed; give s3.access-key-id and s3.secret-access-key together, or neither',
    ],
    [
      { LOG_COURIER_OBJECT_KEY_FORMAT: 'partitioned-by-event-time' },
      'object-key.source-account: "" (from default) is not allowed with object-key.format partitioned-by-event-time; give the account of the source buckets',
    ],
    [
      { LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '1' },
      'consumer.max-discovery-interval-seconds: "1" (from variable LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS) is not allowed; give at least consumer.min-discovery-interval-seconds, which is 30',
    ],
    [
      { LOG_COURIER_NOTIFICATION_WEBHOOK_SECRET: 'hunter2' },
      'notification.webhook-secret: its value (from variable LOG_COURIER_NOTIFICATION_WEBHOOK_SECRET) is not allowed; give notification.webhook-url too',
    ],
    [
      {
        LOG_COURIER_NOTIFICATION_SMTP_URL: 'smtp://me:hunter2@mail',
        LOG_COURIER_NOTIFICATION_MAIL_TO: 'ops@example.com',
      },
      'notification.mail-from: "" (from default) is not allowed; give notification.smtp-url and notification.mail-from together, or neither',
    ],
    [
      { LOG_COURIER_NOTIFICATION_MAIL_TO: 'ops@example.com,' },
      'notification.mail-to: "ops@example.com," (from variable LOG_COURIER_NOTIFICATION_MAIL_TO) is not allowed; give e-mail addresses, comma-separated, or nothing',
    ],
    [
      { LOG_COURIER_TELEMETRY_OTLP_HEADERS: 'Authorization: Bearer hunter2' },
      'telemetry.otlp-headers: its value (from variable LOG_COURIER_TELEMETRY_OTLP_HEADERS) is not allowed; give name=value, several of them comma-separated, values percent-encoded, or nothing',
    ],
    [
      { LOG_COURIER_TELEMETRY_OTLP_ENDPOINT: 'grpc://collector:4317' },
      'telemetry.otlp-endpoint: "grpc://collector:4317" (from variable LOG_COURIER_TELEMETRY_OTLP_ENDPOINT) is not allowed; give a URL that begins with http:// or https://, or nothing',
    ],
  ])('%j', (environment, problem) => {
    expect(problemsOf({ environment })).toEqual([problem]);
  });

  test('and the origin is the flag when it came from there', () => {
    expect(problemsOf({ flags: { 'consumer.count-threshold': '0' } })).toEqual([
      expect.stringContaining('(from flag --consumer-count-threshold)'),
    ]);
  });

  test('all of them together, not only the first', () => {
    const environment = { LOG_COURIER_LOG_LEVEL: 'loud', S3_ENDPOINT: 'nowhere' };
    expect(problemsOf({ environment, configFile: yamlFile('nothing: 1') })).toHaveLength(3);
  });

  test('whatever a number is given, it is taken as it is written or refused', () => {
    const { schema } = settingsTable['consumer.count-threshold'];
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (given) => {
        const parsed = schema.safeParse(given);
        const isWhole = /^\d+(\.0+)?$/.test(given.trim()) && Number.isSafeInteger(Number(given));
        const isAllowed = isWhole && Number(given) >= 1;
        expect(parsed.success ? parsed.data : 'refused').toBe(isAllowed ? Number(given) : 'refused');
      }),
    );
  });
});

describe('what is shown', () => {
  test.each([
    ['redis.password', 'hunter2', '(hidden)'],
    ['redis.password', '', ''],
    ['redis.url', 'redis://one:6379/1', 'redis://one:6379/1'],
    ['redis.url', 'redis://me:hunter2@one', 'redis://me:(hidden)@one'],
    ['redis.url', 'redis://:hun@ter/2@one', 'redis://:(hidden)@one'],
    ['redis.url', 'me:hunter2@one', 'me:(hidden)@one'],
    ['clickhouse.url', ['http://a:b@one', 'http://two'], 'http://a:(hidden)@one,http://two'],
    ['clickhouse.url', 'http://one,http://a:hunter2@two', 'http://one,http:(hidden)@two'],
    ['consumer.num-workers', 10, '10'],
  ] as const)('of %s %j is %j', (name, value, shown) => {
    expect(shownValue(name, value)).toBe(shown);
  });

  test('of a message has no secret of the settings in it', () => {
    const { settings } = load({
      environment: {
        S3_ACCESS_KEY_ID: 'key',
        S3_SECRET_ACCESS_KEY: 'hunter2',
        LOG_COURIER_REDIS_URL: 'redis://:p%40ss@one',
        LOG_COURIER_REDIS_PASSWORD: 'hunter',
      },
    });
    expect(hideSecrets('no hunter2, no p@ss, no p%40ss, no http://me:other@two; yes one', settings)).toBe(
      'no (hidden), no (hidden), no (hidden), no http://me:(hidden)@two; yes one',
    );
  });
});
