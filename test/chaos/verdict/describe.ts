import { formatCount } from '../../../src/cli/format.js';
import { violations, type ChaosReport } from './report.js';

const NAME_WIDTH = 36;
const VALUE_WIDTH = 10;

/** A report for people. */
export function describeReport(report: ChaosReport): string {
  const { faults, harmedRequests } = report;
  const lines = [
    row('faults', faults.total),
    ...rows(faults.byKind),
    'requests harmed on the way to',
    ...rows(harmedRequests),
    row('processes started', report.processes),
    row('records', report.records),
    row('  of them late', report.lateRecords),
    row('delivered', report.delivered),
    row('objects', report.objects),
    row('  written again', report.rewrittenObjects),
    row('repeated deliveries', report.redeliveries),
    row('seconds until it came to rest', report.settledSeconds),
    '',
    verdict(report),
  ];
  if (report.evidence !== undefined) lines.push(`Evidence: ${report.evidence}`);
  return lines.join('\n');
}

function verdict(report: ChaosReport): string {
  if (report.passed) return `Seed ${report.seed}: nothing lost, nothing twice.`;
  const broken = Object.entries(violations(report)).filter(([, count]) => count > 0);
  return `Seed ${report.seed}: broken: ${broken.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ')}.`;
}

/** The most frequent ones first. */
function rows(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => row(`  ${name}`, count));
}

function row(name: string, value: number): string {
  return name.padEnd(NAME_WIDTH) + formatCount(value).padStart(VALUE_WIDTH);
}
