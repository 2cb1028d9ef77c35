import { isLoopback } from '../../config/together.js';
import type { Settings } from '../../config/settings.js';
import { about, ok, problem, warning, type Finding, type Verdict } from '../../pipelines/finding.js';

interface Rule {
  readonly verdict: Exclude<Verdict, 'ok'>;
  readonly subject: string;
  readonly broken: (settings: Settings) => boolean;
  readonly found: (settings: Settings) => string;
  readonly advice: string;
}

const HOUR_S = 3600;

/** Settings that are each allowed, but do not fit each other. */
const RULES: readonly Rule[] = [
  {
    verdict: 'problem',
    subject: 'consumer.time-threshold-seconds',
    broken: (s) =>
      s['consumer.time-threshold-seconds'] + s['consumer.processing-delay-seconds'] >=
      s['retention.record-hours'] * HOUR_S,
    found: (s) =>
      `a record can wait ${String(s['consumer.time-threshold-seconds'])} s for its order, and is removed after retention.record-hours (${String(s['retention.record-hours'])})`,
    advice:
      'lower consumer.time-threshold-seconds: records of quiet buckets are removed before they are ordered',
  },
  {
    verdict: 'problem',
    subject: 'order-book.retention-days',
    broken: (s) => s['order-book.retention-days'] * 24 < s['retention.record-hours'],
    found: (s) =>
      `orders are kept for ${String(s['order-book.retention-days'])} d, records for ${String(s['retention.record-hours'])} h`,
    advice:
      'raise order-book.retention-days: an order that is not delivered must not be forgotten before its records are',
  },
  {
    verdict: 'warning',
    subject: 'retention.warn-before-hours',
    broken: (s) => s['retention.warn-before-hours'] >= s['retention.record-hours'],
    found: (s) =>
      `retention.warn-before-hours (${String(s['retention.warn-before-hours'])}) is not below retention.record-hours (${String(s['retention.record-hours'])})`,
    advice: 'lower retention.warn-before-hours: every record that waits raises a warning',
  },
  {
    verdict: 'warning',
    subject: 'retry.redrive-interval-seconds',
    broken: (s) => s['retry.redrive-interval-seconds'] >= s['retention.warn-before-hours'] * HOUR_S,
    found: (s) =>
      `failed orders are tried again after ${String(s['retry.redrive-interval-seconds'])} s, and warned of ${String(s['retention.warn-before-hours'])} h before their records are removed`,
    advice:
      'lower retry.redrive-interval-seconds: what was mended after a warning should be tried again in time',
  },
  {
    verdict: 'warning',
    subject: 'audit.interval-seconds',
    broken: (s) => s['audit.interval-seconds'] >= s['audit.window-hours'] * HOUR_S,
    found: (s) =>
      `audits are ${String(s['audit.interval-seconds'])} s apart and look back ${String(s['audit.window-hours'])} h`,
    advice: 'lower audit.interval-seconds, or raise audit.window-hours: late records fall between two audits',
  },
  {
    verdict: 'warning',
    subject: 'clickhouse.timeout-seconds',
    broken: (s) => s['clickhouse.timeout-seconds'] >= s['timeout.upload-operation-seconds'],
    found: (s) =>
      `ClickHouse may be silent for ${String(s['clickhouse.timeout-seconds'])} s, a delivery takes ${String(s['timeout.upload-operation-seconds'])} s at most`,
    advice: 'lower clickhouse.timeout-seconds: a delivery should outlive a host that went silent',
  },
  {
    verdict: 'warning',
    subject: 'redis.tls-skip-verify',
    broken: (s) => s['redis.tls-skip-verify'],
    found: () => 'any certificate of Redis is accepted',
    advice: 'set redis.tls-ca-file instead',
  },
  {
    verdict: 'warning',
    subject: 's3.tls-skip-verify',
    broken: (s) => s['s3.tls-skip-verify'],
    found: () => 'any certificate of S3 is accepted',
    advice: 'give Node.js the authority that signed it (NODE_EXTRA_CA_CERTS) instead',
  },
  {
    verdict: 'warning',
    subject: 'clickhouse.url',
    broken: (s) =>
      s['clickhouse.password'] !== '' &&
      s['clickhouse.url'].some((url) => url.startsWith('http://') && !isLoopback(new URL(url).hostname)),
    found: () => 'the password of ClickHouse goes over the network as it is, by http://',
    advice: 'use https://, unless the network is one that you trust',
  },
  {
    verdict: 'warning',
    subject: 'dashboard.listen-address',
    broken: (s) =>
      !isLoopback(s['dashboard.listen-address']) &&
      s['dashboard.tls-cert-file'] === '' &&
      s['dashboard.trusted-proxies'].length === 0,
    found: () => 'the dashboard is reached from other machines without TLS, by what the settings say',
    advice: 'set dashboard.tls-cert-file, or dashboard.trusted-proxies when a proxy before it has TLS',
  },
  {
    verdict: 'warning',
    subject: 'dashboard.session-secret',
    broken: (s) => !isLoopback(s['dashboard.listen-address']) && s['dashboard.session-secret'] === '',
    found: () => 'each dashboard signs sessions with a secret of its own, which ends with its process',
    advice: 'set dashboard.session-secret, the same for every replica',
  },
  {
    verdict: 'warning',
    subject: 'metrics-server.enabled',
    broken: (s) => !s['metrics-server.enabled'],
    found: () => 'there are no metrics, and no probes of processes without the dashboard',
    advice: 'set metrics-server.enabled to true: alerts and rolling restarts need it',
  },
];

/** Judges settings that no single rule of the table of settings can. */
export function judgeSettings(settings: Settings): readonly Finding[] {
  const broken = RULES.filter(({ broken: isBroken }) => isBroken(settings));
  if (broken.length === 0) return [ok(about('settings'), 'they fit each other')];
  return broken.map(({ verdict, subject, found, advice }) =>
    (verdict === 'problem' ? problem : warning)(about('settings', subject), found(settings), advice),
  );
}
