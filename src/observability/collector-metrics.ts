import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds of a sync: from a fast SSD to a disk in trouble. */
const SYNC_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const REQUESTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Metrics of what takes reports in. */
export function createCollectorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    reportsAccepted: new Counter({
      name: 'log_courier_reports_accepted_total',
      help: 'Reports that were stored and acknowledged.',
      registers,
    }),
    reportsRefused: new Counter({
      name: 'log_courier_reports_refused_total',
      help: 'Requests with reports that were refused, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    reportsSpoolBytes: new Gauge({
      name: 'log_courier_reports_spool_bytes',
      help: 'Bytes of reports in the spool that are not archived yet.',
      registers,
    }),
    reportsSpoolMaxBytes: new Gauge({
      name: 'log_courier_reports_spool_max_bytes',
      help: 'Bytes of the spool above which reports are refused; 0 where no collector runs.',
      registers,
    }),
    reportsSpoolOldest: new Gauge({
      name: 'log_courier_reports_spool_oldest_age_seconds',
      help: 'Age of the oldest segment in the spool; 0 when it is empty.',
      registers,
    }),
    reportsSyncSeconds: new Histogram({
      name: 'log_courier_reports_sync_duration_seconds',
      help: 'Time of one sync of the spool, which all requests that wait share.',
      buckets: SYNC_SECONDS,
      registers,
    }),
    reportsGroupRequests: new Histogram({
      name: 'log_courier_reports_sync_requests',
      help: 'Requests that shared one sync of the spool.',
      buckets: REQUESTS,
      registers,
    }),
  };
}
