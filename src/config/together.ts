import type { SettingName, Settings } from './settings.js';
import { tableNameOf } from './tables-settings.js';

/** A rule between two settings that is broken. */
export interface BrokenRule {
  /** The setting to mend. */
  readonly name: SettingName;
  /** What is wrong with its value and what to do, as the end of a sentence. */
  readonly problem: string;
}

/** Tells whether an address or host name is one that only this machine can reach. */
export function isLoopback(address: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(address);
}

/** Checks what single settings cannot: rules that bind two of them. */
export function checkTogether(settings: Settings): readonly BrokenRule[] {
  return [
    ...checkDashboard(settings),
    ...pairOf(settings, 's3.access-key-id', 's3.secret-access-key'),
    ...checkObjectKeys(settings),
    ...checkDiscoveryInterval(settings),
    ...checkNotifications(settings),
    ...checkTables(settings),
    ...checkReports(settings),
  ];
}

function checkDashboard(settings: Settings): BrokenRule[] {
  const broken = [
    ...pairOf(settings, 'dashboard.username', 'dashboard.password'),
    ...pairOf(settings, 'dashboard.tls-cert-file', 'dashboard.tls-key-file'),
    ...checkOpenIdConnect(settings),
    ...checkPublicUrl(settings),
  ];
  if (!isLoopback(settings['dashboard.listen-address']) && !hasUsers(settings)) {
    broken.push({
      name: 'dashboard.listen-address',
      problem:
        'is reachable from other machines; set dashboard.username and dashboard.password too, or dashboard.users-file or dashboard.oidc-issuer, or listen on 127.0.0.1',
    });
  }
  // RFC 7617, section 2: the first colon of the credentials ends the user.
  if (settings['dashboard.username'].includes(':')) {
    broken.push({ name: 'dashboard.username', problem: 'is not allowed; give a name without a colon' });
  }
  return broken;
}

/** Tells whether the dashboard has users: without any it is open to this machine. */
export function hasUsers(settings: Settings): boolean {
  const sources = ['dashboard.username', 'dashboard.users-file', 'dashboard.oidc-issuer'] as const;
  return sources.some((name) => settings[name] !== '');
}

function checkOpenIdConnect(settings: Settings): BrokenRule[] {
  const issuer = settings['dashboard.oidc-issuer'];
  if (issuer === '') return [];
  const broken: BrokenRule[] = [];
  const { protocol, hostname } = new URL(issuer);
  if (protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, '')))
    broken.push({ name: 'dashboard.oidc-issuer', problem: 'is not allowed; give an https:// address' });
  for (const name of ['dashboard.oidc-client-id', 'dashboard.public-url'] as const) {
    if (settings[name] !== '') continue;
    broken.push({ name, problem: 'is not allowed; dashboard.oidc-issuer needs it' });
  }
  if (settings['dashboard.oidc-operator-values'] === '' && settings['dashboard.oidc-viewer-values'] === '')
    broken.push({
      name: 'dashboard.oidc-operator-values',
      problem: 'is not allowed; without it and dashboard.oidc-viewer-values nobody could log in',
    });
  return broken;
}

function checkPublicUrl(settings: Settings): BrokenRule[] {
  const publicUrl = settings['dashboard.public-url'];
  const basePath = settings['dashboard.base-path'];
  if (publicUrl === '') return [];
  const { pathname, search, hash } = new URL(publicUrl);
  if (pathname.replace(/\/$/, '') === basePath && search === '' && hash === '') return [];
  return [
    {
      name: 'dashboard.public-url',
      problem: `is not allowed; its path has to be dashboard.base-path, ${basePath === '' ? 'which is none' : basePath}`,
    },
  ];
}

function pairOf(settings: Settings, name: SettingName, other: SettingName): BrokenRule[] {
  if ((settings[name] === '') === (settings[other] === '')) return [];
  const missing = settings[name] === '' ? name : other;
  return [{ name: missing, problem: `is not allowed; give ${name} and ${other} together, or neither` }];
}

function checkObjectKeys(settings: Settings): BrokenRule[] {
  const format = settings['object-key.format'];
  if (format === 'simple' || settings['object-key.source-account'] !== '') return [];
  return [
    {
      name: 'object-key.source-account',
      problem: `is not allowed with object-key.format ${format}; give the account of the source buckets`,
    },
  ];
}

function checkDiscoveryInterval(settings: Settings): BrokenRule[] {
  const least = settings['consumer.min-discovery-interval-seconds'];
  if (settings['consumer.max-discovery-interval-seconds'] >= least) return [];
  return [
    {
      name: 'consumer.max-discovery-interval-seconds',
      problem: `is not allowed; give at least consumer.min-discovery-interval-seconds, which is ${least}`,
    },
  ];
}

/** Mail needs a server, a sender and somebody to get it. */
function checkNotifications(settings: Settings): BrokenRule[] {
  const server = 'notification.smtp-url';
  return [
    ...(['notification.mail-from', 'notification.mail-to'] as const).flatMap((name) =>
      pairOf(settings, server, name),
    ),
    ...(settings['notification.webhook-secret'] !== '' && settings['notification.webhook-url'] === ''
      ? [
          {
            name: 'notification.webhook-secret' as const,
            problem: 'is not allowed; give notification.webhook-url too',
          },
        ]
      : []),
  ];
}

/** What holds rows of tables. */
const TABLE_DESTINATIONS = [
  'tables.avro-path',
  'tables.s3-bucket',
  'tables.gcs-bucket',
  'tables.bigquery-dataset',
  'tables.clickhouse-dsn',
] as const;

/** Tables need to be allowed, somewhere to go, and batches that can be. */
function checkTables(settings: Settings): BrokenRule[] {
  if (!settings.pipelines.includes('tables')) return [];
  const broken: BrokenRule[] = [];
  const valid = settings['tables.valid-names'];
  for (const { table } of settings['tables.names'].map(tableNameOf))
    if (valid.length > 0 && !valid.includes(table))
      broken.push({
        name: 'tables.names',
        problem: `is not allowed: ${table} is none of tables.valid-names, which are ${valid.join(', ')}`,
      });
  if (TABLE_DESTINATIONS.every((name) => settings[name] === ''))
    broken.push({
      name: 'tables.avro-path',
      problem: `is not enough: give at least one destination for tables, of ${TABLE_DESTINATIONS.join(', ')}`,
    });
  for (const kind of ['clickhouse', 'bigquery', 'avro'] as const)
    if (settings[`tables.${kind}-batch-min`] > settings[`tables.${kind}-batch-max`])
      broken.push({
        name: `tables.${kind}-batch-min`,
        problem: `is not allowed; give at most tables.${kind}-batch-max, which is ${String(settings[`tables.${kind}-batch-max`])}`,
      });
  return broken;
}

function checkReports(settings: Settings): BrokenRule[] {
  const archive = settings['reports.archive'];
  return archive !== 'files' && settings['reports.bucket'] === ''
    ? [{ name: 'reports.bucket', problem: `is needed by reports.archive ${archive}; give the bucket's name` }]
    : [];
}
