import type { FaultCounts } from '../faults/injector.js';

/** What a run found; the last line of `--json`. */
export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly replicas: number;
  readonly faults: FaultCounts;
  /** Requests that the proxies harmed, by what they did. */
  readonly harmedRequests: Readonly<Record<string, number>>;
  /** Eligible records in ClickHouse at the end. */
  readonly records: number;
  /** Records inserted with an insertedAt that lay back. */
  readonly lateRecords: number;
  /** Records whose insert took so long that they may have been late too. */
  readonly slowInserts: number;
  readonly delivered: number;
  readonly missing: number;
  readonly duplicated: number;
  /** Lines in S3 that no record stands for. */
  readonly unknown: number;
  readonly objects: number;
  readonly bytes: number;
  /** Objects that became smaller, or lost records, or went away. */
  readonly shrunkObjects: number;
  /** Writes to keys that had an object already. */
  readonly rewrittenObjects: number;
  /** Objects that the order book does not name. */
  readonly strayObjects: number;
  /** Objects whose content is not that of the receipt. */
  readonly differingObjects: number;
  readonly offsetRegressions: number;
  /** Offsets that went back for readers that use FINAL instead of the highest row. */
  readonly finalOffsetRegressions: number;
  readonly processes: number;
  readonly leakedProcesses: number;
  /** Replicas that ended by themselves, or not as SIGTERM asks. */
  readonly badExits: number;
  /** Deliveries beyond the first one of an order. */
  readonly redeliveries: number;
  /** Orders that had more than one job at the end. */
  readonly doubledJobs: number;
  readonly settled: boolean;
  readonly settledSeconds: number;
  /** What the product's own deep audit says. */
  readonly deepAudit: { readonly missing: number; readonly duplicated: number; readonly delivered: number };
  readonly passed: boolean;
  /** Directory with everything that a failure can be explained with. */
  readonly evidence?: string;
}

/** The promises, as figures that must be 0. */
export function violations(report: Omit<ChaosReport, 'passed'>): Readonly<Record<string, number>> {
  return {
    missing: report.missing,
    duplicated: report.duplicated,
    unknown: report.unknown,
    shrunkObjects: report.shrunkObjects,
    strayObjects: report.strayObjects,
    differingObjects: report.differingObjects,
    offsetRegressions: report.offsetRegressions,
    leakedProcesses: report.leakedProcesses,
    badExits: report.badExits,
    doubledJobs: report.doubledJobs,
    missingInDeepAudit: report.deepAudit.missing,
    duplicatedInDeepAudit: report.deepAudit.duplicated,
    unsettled: report.settled ? 0 : 1,
    nothingDelivered: report.delivered === 0 ? 1 : 0,
  };
}
