import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventLog } from './event-log.js';
import type { ChaosOptions } from './options.js';
import { ProcessBook, RUN_VARIABLE } from './processes.js';
import { rehearse, type Findings } from './rehearse.js';
import type { Progress } from './under-faults.js';
import { violations, type ChaosReport } from './verdict/report.js';
import { summarizeLogs } from './watch/replica-logs.js';

/** What a run has besides its options. */
export interface ChaosContext {
  /** Aborted to end the run before its time, in order. */
  readonly stop: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Runs log-courier amid faults and reports whether it kept its promises. Leaves no process behind, and no file unless
 * a promise was broken.
 *
 * @throws what keeps the harness itself from working; the evidence is kept then too
 */
export async function runChaos(options: ChaosOptions, context: ChaosContext): Promise<ChaosReport> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-chaos-'));
  const logs = join(dir, 'logs');
  await mkdir(logs);
  const processes = new ProcessBook(randomUUID());
  process.env[RUN_VARIABLE] = processes.run;
  const events = openEventLog(join(dir, 'events.jsonl'));
  events.note('run', { options });
  const { onProgress = () => undefined, stop } = context;
  let findings: Findings;
  try {
    findings = await rehearse(options, { dir, logs, processes, events, stop, onProgress });
  } catch (error) {
    if (stop.aborted) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    else events.note('the harness failed', { error: error instanceof Error ? error.stack : String(error) });
    throw stop.aborted
      ? error
      : new Error(`the harness failed; seed ${options.seed}, evidence in ${dir}`, { cause: error });
  } finally {
    Reflect.deleteProperty(process.env, RUN_VARIABLE);
  }
  const report = await reportOf(options, findings, processes, logs);
  if (report.passed && !options.keep) {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    return report;
  }
  const kept = { ...report, evidence: dir };
  await writeFile(join(dir, 'report.json'), JSON.stringify({ ...kept, findings }, null, 2));
  return kept;
}

async function reportOf(
  { seed, minutes, replicas }: ChaosOptions,
  findings: Findings,
  processes: ProcessBook,
  logs: string,
): Promise<ChaosReport> {
  const { faults, harmedRequests, load, proof, deepAudit, settlement, exits, regressions } = findings;
  const { redeliveries } = await summarizeLogs(logs);
  const report = {
    seed,
    minutes,
    replicas,
    faults,
    harmedRequests,
    records: proof.records,
    lateRecords: load.late,
    slowInserts: load.slow,
    delivered: proof.delivered,
    missing: proof.missing,
    duplicated: proof.duplicated,
    unknown: proof.unknown,
    objects: proof.objects,
    bytes: proof.bytes,
    shrunkObjects: findings.objects.shrunk.length,
    rewrittenObjects: findings.objects.rewrites,
    strayObjects: proof.outsideTheBook.length,
    differingObjects: proof.unlikeTheBook.length,
    offsetRegressions: regressions.filter(({ reader }) => reader === 'highest').length,
    finalOffsetRegressions: regressions.filter(({ reader }) => reader === 'final').length,
    processes: processes.size,
    leakedProcesses: processes.alive().length,
    badExits: exits.filter(({ complaint }) => complaint !== undefined).length,
    redeliveries,
    doubledJobs: findings.doubledJobs.length,
    settled: settlement.settled,
    settledSeconds: settlement.seconds,
    deepAudit: {
      missing: deepAudit.missing,
      duplicated: deepAudit.duplicated,
      delivered: deepAudit.delivered,
    },
  };
  return { ...report, passed: Object.values(violations(report)).every((count) => count === 0) };
}
