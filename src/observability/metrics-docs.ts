import { z } from 'zod';
import { createMetrics } from './metrics.js';

/** One metric of ours, as the docs and the tests of dashboards and alert rules see it. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const metricSchema = z.object({
  name: z.string(),
  help: z.string(),
  type: z.string(),
  labelNames: z.array(z.string()),
});

/** Every metric that is log-courier's own; those of Node.js and of the process begin otherwise. */
export function metricsOfOurs(): readonly MetricInfo[] {
  return createMetrics()
    .registry.getMetricsAsArray()
    .map((metric) => metricSchema.parse(metric))
    .filter(({ name }) => name.startsWith('log_courier_'))
    .map(({ labelNames, ...metric }) => ({ ...metric, labels: labelNames }));
}

/** What each label can be. None grows with the number of sources, targets or orders. */
export const LABELS: Readonly<Record<string, string>> = {
  pipeline: 'the name of a pipeline, e.g. `access-logs`',
  status:
    'how it ended: `success`, `failed`; of work orders `success`, `failed_transient` (will be retried), `failed_permanent`; of maintenance also `skipped`, `stopped`; of notifications `sent`, `failed`',
  state: 'of work orders `open`, `failed`; of ages also `not_ordered`: no order has these records yet',
  what: '`discovery`, `delivery`',
  reason:
    'of records that go nowhere: why; of writes of offsets what caused them: `count`, `time`, `shutdown`; of reports that were refused the `code` of the answer',
  task: 'the maintenance tasks: `audit`, `manifests`, `measure`, `notify`',
  engine: '`redis`, `clickhouse`, `s3`, `reports-archive` (files or Google Cloud Storage)',
  channel: '`webhook`, `mail`',
  version: 'the version of log-courier',
  roles: 'the roles of the process, comma-separated',
};

const INTRODUCTION = `# Metrics

<!-- Written by \`npm run docs\` from src/observability; changes made here are lost. -->

Every \`log-courier run\` serves its metrics at \`/metrics\`, for Prometheus: on the metrics server
(\`metrics-server.*\`), open to everyone who can reach it, and on the dashboard. Those of Node.js and of the process
(\`nodejs_…\`, \`process_…\`) stand beside them. Units are in the names: seconds, bytes; all else is counted.

\`\`\`yaml
scrape_configs:
  - job_name: log-courier # the alert rules know it by this name
    static_configs:
      - targets: [courier-1.example.com:9090, courier-2.example.com:9090]
\`\`\`

[deploy/grafana/log-courier.json](../deploy/grafana/log-courier.json) is a Grafana dashboard,
[deploy/prometheus/rules.yml](../deploy/prometheus/rules.yml) has alert rules, and the [runbook](runbook.md) says what
to do about each.

## Which to add up

- **Counters and histograms** are of the process alone: add them up over all processes (\`sum(rate(…))\`).
- **The figures of a pipeline** (marked _pipeline_) are the same in every process, whatever its roles. One process looks,
  every \`telemetry.measure-interval-seconds\`, and keeps what it saw in Redis; all show it. Take \`max by (pipeline)\`.
  They are absent when nobody has looked for some minutes, and come back by themselves after Redis was wiped.
- **The other gauges** are of the process: what it saw last.
`;

/** Gauges that every process shows of a whole pipeline. */
const SHARED = new Set([
  'log_courier_orders',
  'log_courier_undelivered_records',
  'log_courier_oldest_undelivered_age_seconds',
  'log_courier_stuck_sources',
  'log_courier_discovery_age_seconds',
  'log_courier_paused',
]);

/**
 * The whole page docs/metrics.md.
 *
 * @param table writes a table in Markdown
 */
export function metricsPage(table: (rows: readonly (readonly string[])[]) => string): string {
  const metrics = metricsOfOurs().map(({ name, help, type, labels }) => [
    `\`${name}\``,
    SHARED.has(name) ? `${type}, _pipeline_` : type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  const labels = Object.entries(LABELS).map(([label, values]) => [`\`${label}\``, values]);
  return [
    INTRODUCTION,
    `## The metrics\n\n${table([['Metric', 'Type', 'Labels', 'What it says'], ...metrics])}\n`,
    `## Labels\n\n${table([['Label', 'Values'], ...labels])}\n`,
  ].join('\n');
}
