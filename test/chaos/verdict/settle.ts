import type { AuditReport, Pipeline, PipelineStatus } from '../../../src/pipelines/pipeline.js';
import type { EventLog } from '../event-log.js';
import { pause } from '../pause.js';

const EVERY_MS = 1000;
/** So many audits in a row must find nothing wrong. */
const CLEAN_AUDITS = 3;

/** How to wait for the end. */
export interface SettleOptions {
  readonly pipeline: Pipeline;
  /** Requests that a proxy still keeps back, and that will be passed on. */
  readonly keptBack: () => number;
  readonly limitSeconds: number;
  readonly events: EventLog;
  readonly stop: AbortSignal;
}

/** How it ended. */
export interface Settlement {
  readonly settled: boolean;
  readonly seconds: number;
  readonly status?: PipelineStatus;
  readonly audit?: AuditReport;
}

/** Waits until all records are delivered and audits by counts find nothing wrong, but not for ever. */
export async function settle(options: SettleOptions): Promise<Settlement> {
  const { pipeline, keptBack, limitSeconds, events, stop } = options;
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1000);
  let clean = 0;
  let last: Pick<Settlement, 'status' | 'audit'> = {};
  while (clean < CLEAN_AUDITS && seconds() < limitSeconds && !stop.aborted) {
    try {
      last = await look(pipeline);
      events.note('settling', { ...last, keptBack: keptBack() });
      clean = isSettled(last) && keptBack() === 0 ? clean + 1 : 0;
    } catch (error) {
      events.note('settling: no answer', { error: String(error) });
    }
    await pause(EVERY_MS, stop);
  }
  return { settled: clean >= CLEAN_AUDITS, seconds: seconds(), ...last };
}

/** The audit is asked for only when nothing is under way any more. */
async function look(pipeline: Pipeline): Promise<Pick<Settlement, 'status' | 'audit'>> {
  const status = await pipeline.status();
  if (!isDone(status)) return { status };
  return { status, audit: await pipeline.audit({ deep: false }) };
}

function isDone({ undeliveredRecords, orders }: PipelineStatus): boolean {
  return undeliveredRecords === 0 && orders.open === 0 && orders.failed === 0;
}

function isSettled({ status, audit }: Pick<Settlement, 'status' | 'audit'>): boolean {
  if (status === undefined || audit === undefined || !isDone(status)) return false;
  return audit.missing + audit.duplicated + audit.undelivered + audit.outstanding === 0;
}
