import { formatCount } from '../../../src/cli/format.js';
import type { DestinationProof } from './proof.js';

/** What a run found; the last line of `--json`. */
export interface TablesReport {
  readonly seed: number;
  readonly replicas: number;
  /** How often a replica was killed. */
  readonly kills: number;
  /** Rows that were committed. */
  readonly rows: number;
  readonly transactions: number;
  readonly rolledBack: number;
  /** Transactions that were held open for some seconds. */
  readonly heldOpen: number;
  readonly settled: boolean;
  readonly settledSeconds: number;
  readonly destinations: readonly DestinationProof[];
  /** Rows beyond the retention that are still in the table. */
  readonly oldKept: number;
  /** Rows within the retention that are gone from the table. */
  readonly youngDeleted: number;
  readonly leakedProcesses: number;
  /** Replicas that ended by themselves, or not as SIGTERM asks. */
  readonly badExits: number;
  readonly passed: boolean;
  /** Directory with everything that a failure can be explained with. */
  readonly evidence?: string;
}

/** The promises, as figures that must be 0. A row that was deleted before it was copied is one that is missing. */
export function tablesViolations(report: Omit<TablesReport, 'passed'>): Readonly<Record<string, number>> {
  const ofDestinations = report.destinations.flatMap(
    ({ destination, missing, duplicated, unknown, differing, damaged }) =>
      Object.entries({ missing, duplicated, unknown, differing, damaged: damaged.length }).map(
        ([what, count]) => [`${what} in ${destination}`, count] as const,
      ),
  );
  return {
    ...Object.fromEntries(ofDestinations),
    oldKept: report.oldKept,
    youngDeleted: report.youngDeleted,
    leakedProcesses: report.leakedProcesses,
    badExits: report.badExits,
    unsettled: report.settled ? 0 : 1,
    nothingWritten: report.rows === 0 ? 1 : 0,
    nothingHeldOpen: report.heldOpen === 0 ? 1 : 0,
  };
}

/** A report in words. */
export function describeTablesReport(report: TablesReport): string {
  const broken = Object.entries(tablesViolations(report)).filter(([, count]) => count > 0);
  return [
    `seed ${String(report.seed)}: ${formatCount(report.kills)} kills of ${String(report.replicas)} replicas, while ${formatCount(report.rows)} rows were committed in ${formatCount(report.transactions)} transactions, of which ${formatCount(report.heldOpen)} were held open and ${formatCount(report.rolledBack)} rolled back; settled after ${String(report.settledSeconds)} s`,
    ...report.destinations.map(
      ({ destination, rows, files, missing, duplicated, unknown, differing, damaged }) =>
        `  ${destination}: ${formatCount(rows)} rows${files === 0 ? '' : ` in ${formatCount(files)} files`}; ${String(missing)} missing, ${String(duplicated)} duplicated, ${String(unknown)} unknown, ${String(differing)} differing, ${String(damaged.length)} damaged files`,
    ),
    `  table: ${String(report.oldKept)} old rows kept, ${String(report.youngDeleted)} young rows deleted`,
    broken.length === 0
      ? 'passed'
      : `FAILED: ${broken.map(([what, count]) => `${what} ${String(count)}`).join(', ')}; evidence in ${report.evidence ?? '?'}`,
  ].join('\n');
}
