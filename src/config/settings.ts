import type { z } from 'zod';
import { address, dashboardSettings, port } from './dashboard-settings.js';
import { engineSettings } from './engine-settings.js';
import { notificationSettings } from './notification-settings.js';
import { pipelineSettings } from './pipeline-settings.js';
import { decimal, flag, integer, oneOf, setting, textLike, type Setting } from './setting.js';
import { reportsArchiveSettings } from './reports-archive-settings.js';
import { reportsSettings } from './reports-settings.js';
import { tablesSettings } from './tables-settings.js';
import { telemetrySettings } from './telemetry-settings.js';

/**
 * The one table of settings. Command-line flags, environment variables, the YAML file, validation,
 * `log-courier config` and docs/settings.md are all derived from it.
 */
export const settingsTable = {
  ...pipelineSettings,

  ...engineSettings,
  ...reportsSettings,
  ...reportsArchiveSettings,

  'object-key.format': setting(
    oneOf(['simple', 'partitioned-by-event-time', 'partitioned-by-delivery-time']),
    'simple',
    'Form of the log objects’ keys.',
  ),
  'object-key.source-account': setting(
    textLike(/^[A-Za-z0-9_.-]*$/, 'letters, digits, _ . and -'),
    '',
    'Account of the source buckets in partitioned keys.',
  ),
  'object-key.source-region': setting(
    textLike(/^[A-Za-z0-9_.-]*$/, 'letters, digits, _ . and -'),
    'us-east-1',
    'Region of the source buckets in partitioned keys.',
  ),

  'consumer.count-threshold': setting(
    integer(1),
    10_000,
    'A bucket is ready with this many undelivered records.',
    { unit: 'records' },
  ),
  'consumer.time-threshold-seconds': setting(
    integer(0),
    900,
    'A bucket is ready when its oldest undelivered record was inserted this long ago.',
    { unit: 's' },
  ),
  'consumer.min-discovery-interval-seconds': setting(
    decimal(0.1, 86_400),
    30,
    'Time between discoveries while they find work.',
    { unit: 's' },
  ),
  'consumer.max-discovery-interval-seconds': setting(
    decimal(0.1, 86_400),
    120,
    'Time between discoveries while they find nothing.',
    { unit: 's' },
  ),
  'consumer.discovery-interval-jitter-factor': setting(
    decimal(0, 1),
    0.1,
    'Random part of the discovery interval, up and down.',
  ),
  'consumer.discovery-shards': setting(
    integer(1, 1024),
    1,
    'Number of discovery jobs, each with the raft sessions whose id modulo this number is its own.',
  ),
  'consumer.num-workers': setting(
    integer(1, 1000),
    10,
    'Work orders that one process delivers at the same time.',
  ),
  'consumer.small-orders-in-flight': setting(
    integer(0, 10_000),
    1000,
    'Small work orders (at most 5000 records) that one process delivers beside those, many with one query; 0 to treat them as the others.',
  ),
  'consumer.max-buckets-per-discovery': setting(
    integer(1, 1_000_000),
    100,
    'Buckets that a discovery makes work orders for first, the oldest; it goes on with the others at once.',
    { unit: 'buckets' },
  ),
  'consumer.max-logs-per-bucket': setting(
    integer(1, 100_000_000),
    100_000,
    'Most records in one work order, and so in one log object.',
    { unit: 'records' },
  ),
  'consumer.processing-delay-seconds': setting(
    integer(0, 86_400),
    60,
    'Records younger than this are left alone, so that late inserts find their place.',
    { unit: 's' },
  ),

  'queue.max-outstanding-orders': setting(
    integer(1),
    10_000,
    'Discovery makes no further work orders while this many are open.',
    { unit: 'orders' },
  ),
  'queue.max-orders-per-second': setting(
    integer(0),
    0,
    'Most work orders that all processors together start in a second; 0 for no limit.',
    { unit: '1/s' },
  ),
  'queue.keep-completed-seconds': setting(integer(0), 86_400, 'How long finished jobs stay on the board.', {
    unit: 's',
  }),
  'queue.keep-completed-count': setting(integer(0), 5000, 'How many finished jobs stay on the board.', {
    unit: 'jobs',
  }),
  'queue.lock-duration-seconds': setting(
    decimal(1, 3600),
    30,
    'A processor that is silent for this long is presumed dead, and its orders go to another.',
    { unit: 's' },
  ),

  'retry.max-retries': setting(integer(0, 1000), 5, 'Retries of a work order after its first attempt.'),
  'retry.initial-backoff-seconds': setting(
    decimal(0, 86_400),
    1,
    'Wait before the first retry; it doubles with each further one.',
    { unit: 's' },
  ),
  'retry.max-backoff-seconds': setting(decimal(0, 86_400), 60, 'Longest wait between retries.', {
    unit: 's',
  }),
  'retry.backoff-jitter-factor': setting(decimal(0, 1), 0.3, 'Random part of each wait, up and down.'),
  'retry.redrive-interval-seconds': setting(
    decimal(1, 2_592_000),
    3600,
    'A work order that failed is tried again by itself after this time.',
    { unit: 's' },
  ),

  'timeout.upload-operation-seconds': setting(
    decimal(1, 86_400),
    300,
    'How long the delivery of one work order may take.',
    { unit: 's' },
  ),
  'timeout.commit-operation-seconds': setting(decimal(1, 3600), 30, 'How long a commit may take.', {
    unit: 's',
  }),

  'offset.flush-time-threshold-ms': setting(
    integer(0, 600_000),
    1000,
    'Offsets are written at the latest after this time.',
    { unit: 'ms' },
  ),
  'offset.flush-count-threshold': setting(
    integer(1, 1_000_000),
    2000,
    'Offsets are written at the latest after this many work orders.',
    { unit: 'orders' },
  ),

  'order-book.retention-days': setting(
    integer(4, 3650),
    30,
    'How long delivered work orders stay in the order book; set when the schema is applied.',
    { unit: 'days' },
  ),

  'audit.interval-seconds': setting(
    decimal(1, 604_800),
    900,
    'Time between audits, which count delivered work orders again and have those that grew delivered again.',
    { unit: 's' },
  ),
  'audit.window-hours': setting(
    decimal(0.01, 720),
    6,
    'How long after its delivery a work order is counted again.',
    { unit: 'h' },
  ),
  'retention.record-hours': setting(
    decimal(1, 87_600),
    72,
    'How long ClickHouse keeps records (the TTL of the logs table).',
    { unit: 'h' },
  ),
  'retention.warn-before-hours': setting(
    decimal(0, 87_600),
    12,
    'Undelivered records raise a warning and a metric this long before ClickHouse removes them.',
    { unit: 'h' },
  ),
  'manifest.enabled': setting(
    flag(),
    false,
    'Write manifests into each target prefix: which objects were delivered, with counts and digests.',
  ),
  'manifest.interval-seconds': setting(decimal(1, 604_800), 3600, 'Time between manifests.', { unit: 's' }),
  'manifest.key-prefix': setting(
    textLike(/^[A-Za-z0-9_.\-/]{1,200}$/, 'letters, digits, _ . - and /'),
    'log-courier-manifests/',
    'Stands between the target prefix and the name of a manifest.',
  ),

  ...tablesSettings,

  ...dashboardSettings,

  'metrics-server.enabled': setting(flag(), true, 'Serve /metrics, /healthz and /readyz.'),
  'metrics-server.listen-address': setting(address(), '127.0.0.1', 'Address of the metrics server.'),
  'metrics-server.listen-port': setting(port(), 9090, 'Port of the metrics server; 0 for any free one.'),

  ...telemetrySettings,
  ...notificationSettings,

  'log-level': setting(
    oneOf(['error', 'warn', 'info', 'debug']),
    'info',
    'Least serious messages that are logged.',
  ),
  'shutdown-timeout-seconds': setting(
    decimal(0, 3600),
    30,
    'How long work in flight may go on after SIGTERM.',
    { unit: 's' },
  ),
} as const satisfies Readonly<Record<string, Setting>>;

/** A setting's dotted name, which is also its path in the YAML file. */
export type SettingName = keyof typeof settingsTable;

/** The settings in force, by dotted name. Durations keep the unit that their name says. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof settingsTable)[Name]['schema']> };

/** All names, in the table's order. */
export const settingNames: readonly SettingName[] = Object.keys(settingsTable).filter(isSettingName);

/** Tells whether a text is the dotted name of a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name);
}

/** The row of one setting. */
export function settingOf(name: SettingName): Setting {
  return settingsTable[name];
}
