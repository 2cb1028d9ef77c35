import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { StoreError } from '../errors.js';
import { classifyGoogleError, isPassing } from '../google-errors.js';
import type { BigQueryDataset } from './dataset.js';

/** A load job that has ended. */
export interface EndedJob {
  readonly id: string;
  readonly rows: number;
  /** Bytes that BigQuery was given. */
  readonly bytes: number;
  /** Why it failed; undefined when it did not: then all of its rows are in the table. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
}

const count = z.coerce.number().optional().default(0);
const jobShape = z.object({
  status: z.object({
    state: z.string(),
    errorResult: z
      .object({ reason: z.string().default('unknown'), message: z.string().default('') })
      .optional(),
  }),
  statistics: z
    .object({ load: z.object({ outputRows: count, inputFileBytes: count }).optional() })
    .optional(),
});

/**
 * Waits for a job to end, however long that takes.
 *
 * @returns undefined when there is no such job
 * @throws {StoreError}
 */
export async function endOfJob(
  dataset: BigQueryDataset,
  id: string,
  signal: AbortSignal,
): Promise<EndedJob | undefined> {
  const location = await dataset.location(signal);
  const projectId = await dataset.projectId(signal);
  const job = (await dataset.client()).job(id, { location, projectId });
  for (let pauseMs = dataset.pollMs; ; pauseMs = Math.min(pauseMs * 2, dataset.pollMs * 20)) {
    let found: unknown;
    try {
      found = await dataset.asking(`look at job ${id}`, signal, () => job.getMetadata());
    } catch (error) {
      if (error instanceof StoreError && classifyGoogleError(error.cause)?.status === 404) return undefined;
      throw error;
    }
    const [{ status, statistics }] = z.tuple([jobShape]).rest(z.unknown()).parse(found);
    if (status.state === 'DONE') {
      const { outputRows: rows = 0, inputFileBytes: bytes = 0 } = statistics?.load ?? {};
      return { id, rows, bytes, failure: status.errorResult };
    }
    await sleep(pauseMs, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  }
}

/** The failure of a job, as an error. */
export function jobError(table: string, { id, failure }: EndedJob): StoreError {
  const { reason = 'unknown', message = '' } = failure ?? {};
  return new StoreError({
    store: 'bigquery',
    doing: `load into ${table}`,
    code: reason,
    permanent: !isPassing(reason),
    away: false,
    answer: `BigQuery’s job ${id} failed: ${reason}: ${message}`,
  });
}

/** An upload ended, with an answer that was lost, and there is no job: it may be sent again. */
export function jobMissing(table: string, id: string): StoreError {
  return new StoreError({
    store: 'bigquery',
    doing: `load into ${table}`,
    code: 'UploadLost',
    permanent: false,
    away: false,
    answer: `BigQuery has no job ${id} after its upload`,
  });
}
