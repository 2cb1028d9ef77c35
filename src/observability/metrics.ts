import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { FadingGauge } from './fading-gauge.js';
import { createCollectorMetrics } from './collector-metrics.js';
import { createStateMetrics } from './state-metrics.js';

/** Seconds: from a quick query to the longest upload that is allowed. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** Lag in seconds: from within a minute to the three days that records are kept. */
const LAG_SECONDS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400, 259_200];
const RECORDS = [1, 10, 100, 1000, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];
const BYTES = [1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 5e7, 1e8, 5e8, 1e9];

/** Every metric that a log-courier process has. Names are those that existing dashboards read. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Makes the metrics of one process, in a registry of their own. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> => new Counter({ name: `log_courier_${name}`, help, labelNames, registers });
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Gauge<Label> => new Gauge({ name: `log_courier_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly Label[] = [],
  ): Histogram<Label> =>
    new Histogram({ name: `log_courier_${name}`, help, buckets: [...buckets], labelNames, registers });

  return {
    registry,
    batchesProcessed: counter('batches_processed_total', 'Work orders processed, by how it ended.', [
      'pipeline',
      'status',
    ]),
    recordsDelivered: counter('records_delivered_total', 'Records delivered.', ['pipeline']),
    recordsInPermanentErrors: counter(
      'records_in_permanent_errors_total',
      'Records of work orders that failed and that no retry by itself will help.',
      ['pipeline'],
    ),
    batchProcessingSeconds: histogram(
      'batch_processing_duration_seconds',
      'Time from taking a work order to its end.',
      SECONDS,
      ['pipeline'],
    ),
    cycles: counter('cycles_total', 'Discoveries run.', ['pipeline']),
    cycleSeconds: histogram(
      'cycle_duration_seconds',
      'Time of a whole discovery, enqueueing included.',
      SECONDS,
      ['pipeline'],
    ),
    lagSeconds: histogram(
      'lag_seconds',
      'Time from the oldest request of a work order to its upload.',
      LAG_SECONDS,
    ),
    batchesFound: counter('discovery_batches_found_total', 'Work orders that discovery made.'),
    discoverySeconds: histogram(
      'discovery_duration_seconds',
      'Time to find what is ready and to write it in the order book.',
      SECONDS,
    ),
    discoveryRowsRead: counter(
      'discovery_rows_read_total',
      'Rows that ClickHouse read to find what is ready, as it says itself.',
    ),
    recordsPassedOver: counter(
      'discovery_records_passed_over_total',
      'Records that go nowhere, by reason: logging is off, or no target bucket is named.',
      ['reason'],
    ),
    fetchRecords: counter('fetch_records_total', 'Records fetched from ClickHouse.'),
    fetchRecordsPerBucket: histogram(
      'fetch_records_per_bucket',
      'Records fetched for one work order.',
      RECORDS,
    ),
    fetchSeconds: histogram(
      'fetch_duration_seconds',
      'Time until ClickHouse begins to answer a fetch.',
      SECONDS,
    ),
    buildObjects: counter('build_objects_total', 'Log objects built.'),
    buildObjectBytes: histogram('build_object_size_bytes', 'Size of a log object.', BYTES),
    buildSeconds: histogram(
      'build_duration_seconds',
      'Time to plan the log objects of a work order.',
      SECONDS,
    ),
    uploadObjects: counter('upload_objects_total', 'Log objects uploaded, by how it ended.', ['status']),
    uploadSeconds: histogram(
      'upload_duration_seconds',
      'Time to fetch and upload one log object, by how it ended.',
      SECONDS,
      ['status'],
    ),
    reportBytesRead: counter(
      'report_bytes_read_total',
      'Bytes of reports that were archived, before compression.',
    ),
    reportBytesArchived: counter(
      'report_bytes_archived_total',
      'Bytes of reports that were archived, compressed: the ratio of both is that of the compression.',
    ),
    commitOffsetsFlushed: counter('commit_offsets_flushed_total', 'Offsets written, by how it ended.', [
      'status',
    ]),
    commitFlushes: counter('commit_flushes_total', 'Writes of offsets, by what caused them.', ['reason']),
    commitSeconds: histogram('commit_duration_seconds', 'Time of one commit to the order book.', SECONDS),
    maintenanceRuns: counter(
      'maintenance_runs_total',
      'Runs of maintenance tasks, by task and how they ended.',
      ['pipeline', 'task', 'status'],
    ),
    audits: counter('audit_runs_total', 'Audits that counted delivered work orders again.'),
    auditSeconds: histogram('audit_duration_seconds', 'Time of one such audit.', SECONDS),
    auditRowsRead: counter(
      'audit_rows_read_total',
      'Rows that ClickHouse read for such audits, as it says itself.',
    ),
    auditOrdersExamined: counter(
      'audit_orders_examined_total',
      'Delivered work orders that were counted again.',
    ),
    lateRecords: counter(
      'late_records_total',
      'Records that joined a work order after its delivery, and were delivered with it again.',
      ['pipeline'],
    ),
    ordersRedelivered: counter(
      'orders_redelivered_total',
      'Work orders delivered again because late records had joined them.',
      ['pipeline'],
    ),
    recordsNearRetention: new FadingGauge({
      name: 'log_courier_records_near_retention',
      help: 'Undelivered records near the end of their retention, as seen by the last look of this process; absent when that was long ago.',
      registers,
    }),
    retentionDeadlineSeconds: new FadingGauge({
      name: 'log_courier_retention_deadline_seconds',
      help: 'Time until the first undelivered record may reach the end of its retention; absent when none is near.',
      registers,
      countsDown: true,
    }),
    recordsExpired: counter(
      'records_expired_total',
      'Records of work orders that reached the end of their retention undelivered.',
      ['pipeline'],
    ),
    manifestsWritten: counter('manifests_written_total', 'Manifests written into target prefixes.'),
    manifestFailures: counter(
      'manifest_failures_total',
      'Target prefixes that did not get a manifest that was due; the next run tries again.',
    ),
    notifications: counter(
      'notifications_total',
      'Messages about sources that became stuck or recovered, by channel and how it ended.',
      ['channel', 'status'],
    ),
    ...createCollectorMetrics(registry),
    ...createStateMetrics(registry),
    engineUp: gauge('engine_up', 'Whether an engine answered when last asked: 1 or 0.', ['engine']),
    engineOutages: counter('engine_outages_total', 'Times that an engine went away.', ['engine']),
    engineAwaySeconds: gauge(
      'engine_away_seconds',
      'How long an engine has been away, in seconds; 0 while it answers.',
      ['engine'],
    ),
  };
}

/** What a pipeline counts is 0 until it happens, so that its first time is an increase. */
export function countFromZero(metrics: Metrics, pipeline: string): void {
  for (const status of ['success', 'failed_permanent', 'failed_transient'])
    metrics.batchesProcessed.inc({ pipeline, status }, 0);
  for (const counter of [
    metrics.recordsDelivered,
    metrics.recordsInPermanentErrors,
    metrics.cycles,
    metrics.lateRecords,
    metrics.ordersRedelivered,
    metrics.recordsExpired,
  ])
    counter.inc({ pipeline }, 0);
}
