import { metricsOfOurs } from '../../src/observability/metrics-docs.js';

const OURS = new Map(metricsOfOurs().map((metric) => [metric.name, metric]));
/** Series that a histogram makes. */
const PARTS = /_(bucket|sum|count)$/;
/** Metrics of others that every process has, and labels that Prometheus gives. */
const OTHERS = new Set(['up', 'process_resident_memory_bytes', 'process_cpu_seconds_total']);
const GIVEN = ['job', 'instance'];

/**
 * What is wrong with the names in an expression: metrics that log-courier does not have, and labels that its metrics do
 * not have. Its grammar is for promtool to check.
 */
export function wrongNamesIn(expression: string): readonly string[] {
  const texts = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const used = [
    ...texts.matchAll(/\b(log_courier_\w+|process_\w+|nodejs_\w+|up)\b(?!\s*\()(?:\{([^}]*)\})?/g),
  ];
  const wrong: string[] = [];
  const known = new Set(GIVEN);
  for (const [, name = '', matchers = ''] of used) {
    const labels = labelsOf(name);
    if (labels === undefined) {
      wrong.push(`metric ${name}`);
      continue;
    }
    for (const label of labels) known.add(label);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (!labels.includes(label)) wrong.push(`label ${label} of ${name}`);
  }
  for (const [, list = ''] of texts.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g))
    for (const label of list.split(',').map((one) => one.trim()))
      if (label !== '' && !known.has(label)) wrong.push(`label ${label}`);
  if (used.length === 0) wrong.push('no metric');
  return wrong;
}

function labelsOf(name: string): readonly string[] | undefined {
  if (OTHERS.has(name)) return GIVEN;
  const metric = OURS.get(name);
  if (metric !== undefined && metric.type !== 'histogram') return [...metric.labels, ...GIVEN];
  const histogram = OURS.get(name.replace(PARTS, ''));
  if (histogram?.type !== 'histogram' || !PARTS.test(name)) return undefined;
  return [...histogram.labels, ...GIVEN, ...(name.endsWith('_bucket') ? ['le'] : [])];
}
