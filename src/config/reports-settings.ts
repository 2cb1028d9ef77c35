import { address, port } from './dashboard-settings.js';
import { integer, setting, text, textLike, type Setting } from './setting.js';

/** The rows of the settings table on the collector of reports, and its spool. */
export const reportsSettings = {
  'reports.name': setting(
    textLike(/^([a-z0-9][a-z0-9-]{0,40})?$/, 'up to 41 small letters, digits and -'),
    '',
    'Tells this collector from others with the same Redis; each has a spool of its own.',
  ),
  'reports.listen-address': setting(
    address(),
    '127.0.0.1',
    'Address on which reports are taken. Others than this machine need `reports.agents-file`.',
  ),
  'reports.listen-port': setting(port(), 8400, 'Port on which reports are taken; 0 for any free one.'),
  'reports.tls-cert-file': setting(
    text(),
    '',
    'Certificate (PEM) with which reports are taken over TLS; nothing for none.',
  ),
  'reports.tls-key-file': setting(text(), '', 'Its key (PEM).'),
  'reports.agents-file': setting(
    text(),
    '',
    'YAML file with the agents that may post, and the SHA-256 of their tokens; read again when it changes. Nothing: whoever can connect may.',
  ),
  'reports.max-reports-per-second': setting(
    integer(0),
    0,
    'Reports that an agent may post in a second, unless the file of agents says another number; 0 for no limit.',
    { unit: '1/s' },
  ),
  'reports.schema-directory': setting(
    text(),
    '',
    'Directory with a JSON Schema `<type>.json` for each type of reports that is checked; nothing for none.',
  ),
  'reports.type-member': setting(
    text(),
    'type',
    'Member of a report that says of which type it is, unless the request does (`?type=`); nothing for none.',
  ),
  'reports.max-report-bytes': setting(integer(1, 268_435_456), 1_048_576, 'Largest report.', {
    unit: 'bytes',
  }),
  'reports.max-batch-bytes': setting(integer(1, 268_435_456), 8_388_608, 'Largest batch of reports.', {
    unit: 'bytes',
  }),
  'reports.max-batch-reports': setting(integer(1, 1_000_000), 10_000, 'Most reports in a batch.', {
    unit: 'reports',
  }),
  'reports.max-depth': setting(integer(1, 1000), 64, 'How deep a report may nest.', { unit: 'levels' }),
  'reports.max-buffered-bytes': setting(
    integer(1_048_576),
    134_217_728,
    'Bytes of requests that may be in memory at once; more are told to come again.',
    { unit: 'bytes' },
  ),
  'reports.max-connections': setting(integer(1, 1_000_000), 10_000, 'Connections at a time.'),
  'reports.body-timeout-seconds': setting(integer(1, 3600), 30, 'How long a request may take to arrive.', {
    unit: 's',
  }),
  'reports.cors-origins': setting(
    textLike(/^(\*|https?:\/\/[^,\s]+(,https?:\/\/[^,\s]+)*)?$/, 'origins, comma-separated, *, or nothing'),
    '',
    'Origins whose pages may post, comma-separated; nothing for none.',
  ),
  'reports.max-idempotency-keys': setting(
    integer(1, 100_000_000),
    1_000_000,
    'Idempotency keys of the last day that are remembered; further requests with new keys are told to come again.',
    { unit: 'keys' },
  ),
  'reports.spool-directory': setting(
    text(),
    './data/spool',
    'Directory in which reports wait for their delivery, on a disk of this machine.',
  ),
  'reports.spool-max-bytes': setting(
    integer(1_048_576),
    10_737_418_240,
    'Size of the spool above which reports are refused; none is ever dropped.',
    { unit: 'bytes' },
  ),
  'reports.segment-max-bytes': setting(
    integer(1024, 1_073_741_824),
    10_485_760,
    'A segment of the spool becomes a work order at this size.',
    { unit: 'bytes' },
  ),
  'reports.segment-max-seconds': setting(integer(1, 3600), 60, 'Or at this age.', { unit: 's' }),
} as const satisfies Readonly<Record<string, Setting>>;
