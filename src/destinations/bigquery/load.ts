import { Counted } from '../counted.js';
import { checkName, type BigQueryDataset } from './dataset.js';
import { endOfJob, jobError, jobMissing, type EndedJob } from './jobs.js';
import { uploadJob } from './upload.js';

/** What is loaded, and under which name. */
export interface AvroLoad {
  readonly table: string;
  /** Follows from the order alone, so that the same order is always the same job: letters, digits, `_` and `-`. */
  readonly jobId: string;
  /** An Avro object container file. It is read only when there is no job that has it already. */
  readonly content: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/** What has become of it. */
export interface Loaded {
  /** The job that has loaded it: the id that was given, or one behind it. */
  readonly jobId: string;
  readonly rows: number;
  readonly bytes: number;
  /** True when a job of before has it, so that nothing was sent now. */
  readonly already: boolean;
}

/** Attempts that are looked for; behind so many failed jobs somebody has to look. */
const MOST_ATTEMPTS = 1000;

const JOB_ID = /^[A-Za-z0-9_-]{1,1000}$/;

/**
 * Appends the rows of an Avro file to a table, all or none of them, and never twice: BigQuery takes a job's id once. A
 * job that failed keeps its id, so the next attempt is `ID-2`, then `ID-3`; an attempt is made only when every one before
 * it has failed for good. So at most one of them ever succeeds, whoever makes them and however often. BigQuery remembers
 * jobs for six months; what is loaded again after that is there twice.
 *
 * @throws {StoreError} when the job failed, or BigQuery refused or could not be reached
 * @throws what the content throws
 */
export async function loadAvro(dataset: BigQueryDataset, load: AvroLoad): Promise<Loaded> {
  const { table, jobId, signal } = load;
  checkName('table', table);
  if (!JOB_ID.test(jobId)) throw new RangeError(`${JSON.stringify(jobId)} cannot be the id of a job`);
  const content = new Counted(load.content, signal);
  let lastFailed: EndedJob | undefined;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const id = attempt === 1 ? jobId : `${jobId}-${String(attempt)}`;
    const before = await endOfJob(dataset, id, signal);
    if (before?.failure !== undefined) {
      lastFailed = before;
      continue;
    }
    if (before !== undefined) return loaded(before, true);
    const isOurs = await upload(dataset, table, id, content, signal);
    const job = await endOfJob(dataset, id, signal);
    if (job === undefined) throw jobMissing(`${dataset.place}.${table}`, id);
    if (job.failure === undefined) return loaded(job, !isOurs);
    throw jobError(`${dataset.place}.${table}`, job);
  }
  throw lastFailed === undefined ? new RangeError('no attempt was made') : jobError(table, lastFailed);
}

function loaded({ id, rows, bytes }: EndedJob, already: boolean): Loaded {
  return { jobId: id, rows, bytes, already };
}

async function upload(
  dataset: BigQueryDataset,
  table: string,
  jobId: string,
  content: Counted,
  signal: AbortSignal,
): Promise<boolean> {
  const projectId = await dataset.projectId(signal);
  const location = await dataset.location(signal);
  const job = {
    jobReference: { projectId, jobId, location },
    configuration: {
      load: {
        destinationTable: { projectId, datasetId: dataset.dataset, tableId: table },
        sourceFormat: 'AVRO',
        useAvroLogicalTypes: true,
        decimalTargetTypes: ['NUMERIC', 'BIGNUMERIC'],
        writeDisposition: 'WRITE_APPEND',
        createDisposition: 'CREATE_IF_NEEDED',
      },
    },
  };
  return uploadJob(dataset, job, content, signal);
}
