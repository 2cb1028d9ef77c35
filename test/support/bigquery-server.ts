import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import avsc from 'avsc';
import { z } from 'zod';
import { decompress } from 'zstd-napi';
import { AVRO_LONG } from '../../src/formats/avro/long.js';
import {
  googleAnswer,
  startAnswering,
  type Answer,
  type AnsweringServer,
  type Asked,
} from './http-requests.js';
import { goOn, takePiece, type ResumableUpload } from './resumable-upload.js';

/** A row of a table: values by column. */
export type StoredRow = Readonly<Record<string, unknown>>;

/**
 * A small server that speaks as much of BigQuery's API as is used of it here: load jobs with uploads, looks at jobs and at
 * a dataset, and the one query that counts. It takes a job's id once, reads the Avro files by the Avro library's own
 * reader, and keeps the rows, all of a job or none. What it is not: BigQuery, so it says nothing about its limits, its
 * types or its speed.
 */
export interface BigQueryServer extends AnsweringServer {
  readonly tables: ReadonlyMap<string, readonly StoredRow[]>;
  /** States of jobs by id: `DONE`, or the reason of the failure. */
  readonly jobs: ReadonlyMap<string, string>;
  /** Uploads that were begun, and neither ended nor given up. */
  readonly sessions: ReadonlyMap<string, unknown>;
  readonly requests: readonly string[];
  /** Has the next jobs fail, for reasons such as `backendError`. */
  failNext(...reasons: string[]): void;
}

interface Session extends ResumableUpload {
  readonly job: z.infer<typeof jobShape>;
}

interface Job {
  readonly resource: z.infer<typeof jobShape>;
  readonly rows: number;
  readonly bytes: number;
  readonly failure: string | undefined;
  /** Looks until it has ended. */
  looksLeft: number;
}

const jobShape = z.object({
  jobReference: z.object({
    projectId: z.string(),
    jobId: z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/),
    location: z.string(),
  }),
  configuration: z.object({
    load: z.object({
      destinationTable: z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() }),
      sourceFormat: z.literal('AVRO'),
      useAvroLogicalTypes: z.literal(true),
      writeDisposition: z.literal('WRITE_APPEND'),
      createDisposition: z.literal('CREATE_IF_NEEDED'),
    }),
  }),
});

const queryShape = z.object({
  query: z.string(),
  location: z.string(),
  queryParameters: z.array(
    z.object({
      name: z.string(),
      parameterType: z.object({ type: z.literal('INT64') }),
      parameterValue: z.object({ value: z.string() }),
    }),
  ),
});

const dryRunShape = z.object({
  configuration: z.object({ dryRun: z.literal(true), query: z.object({ query: z.string() }) }),
});

/** Starts one, with a project and a dataset, on a free port. */
export async function startBigQueryServer(place: {
  readonly project: string;
  readonly dataset: string;
  readonly location: string;
}): Promise<BigQueryServer> {
  const tables = new Map<string, StoredRow[]>();
  const jobs = new Map<string, Job>();
  const sessions = new Map<string, Session>();
  /** What uploads have ended with, for who has not heard it. */
  const ended = new Map<string, Answer>();
  const requests: string[] = [];
  const failures: string[] = [];

  const duplicate = (id: string): Answer =>
    googleAnswer(409, 'duplicate', `Already Exists: Job ${place.project}:${place.location}.${id}`);

  const resourceOf = ({ resource, rows, bytes, failure, looksLeft }: Job): object => {
    const isDone = looksLeft <= 0;
    const error =
      failure === undefined ? {} : { errorResult: { reason: failure, message: `${failure} it is` } };
    return {
      kind: 'bigquery#job',
      ...resource,
      status: isDone ? { state: 'DONE', ...error } : { state: 'RUNNING' },
      statistics: { load: { outputRows: String(isDone ? rows : 0), inputFileBytes: String(bytes) } },
    };
  };

  const begin = (asked: Asked): Answer => {
    if (asked.url.searchParams.get('uploadType') !== 'resumable')
      return googleAnswer(400, 'invalid', 'only resumable uploads are served here');
    const job = jobShape.parse(JSON.parse(asked.body.toString()));
    const { projectId, datasetId } = job.configuration.load.destinationTable;
    if (projectId !== place.project || datasetId !== place.dataset)
      return googleAnswer(404, 'notFound', `Not found: Dataset ${projectId}:${datasetId}`);
    if (jobs.has(job.jobReference.jobId)) return duplicate(job.jobReference.jobId);
    const id = randomBytes(8).toString('hex');
    sessions.set(id, { job, pieces: [], bytes: 0 });
    const location = new URL(asked.url);
    location.searchParams.set('upload_id', id);
    return { status: 200, headers: { location: location.href } };
  };

  const receive = async (asked: Asked, id: string, session: Session): Promise<Answer> => {
    const outOfTurn = googleAnswer(400, 'invalid', 'the piece is not the next one');
    const taken = takePiece(asked, session, outOfTurn);
    if ('refused' in taken) return taken.refused;
    const { total } = taken;
    if (total === undefined || session.bytes < total) return goOn(session);
    sessions.delete(id);
    const { jobId } = session.job.jobReference;
    if (jobs.has(jobId)) return duplicate(jobId);
    const job = await run(session.job, Buffer.concat(session.pieces));
    jobs.set(jobId, job);
    const answer = { status: 200, json: resourceOf(job) };
    ended.set(id, answer);
    return answer;
  };

  const run = async (resource: Session['job'], file: Buffer): Promise<Job> => {
    const { tableId } = resource.configuration.load.destinationTable;
    let failure = failures.shift();
    let rows: StoredRow[] = [];
    try {
      rows = await readRows(file);
    } catch {
      failure = 'invalid';
    }
    if (failure === undefined) tables.set(tableId, [...(tables.get(tableId) ?? []), ...rows]);
    return { resource, rows: rows.length, bytes: file.length, failure, looksLeft: 2 };
  };

  const upload = async (asked: Asked): Promise<Answer> => {
    if (asked.method === 'POST') return begin(asked);
    const id = asked.url.searchParams.get('upload_id') ?? '';
    const session = sessions.get(id);
    if (session === undefined) return ended.get(id) ?? googleAnswer(404, 'notFound', 'no such upload');
    if (asked.method === 'PUT') return receive(asked, id, session);
    sessions.delete(id);
    return { status: 499 };
  };

  const look = ({ url }: Asked, id: string): Answer => {
    const job = url.searchParams.get('location') === place.location ? jobs.get(id) : undefined;
    if (job === undefined) return googleAnswer(404, 'notFound', `Not found: Job ${id}`);
    job.looksLeft -= 1;
    return { status: 200, json: resourceOf(job) };
  };

  const query = ({ body }: Asked): Answer => {
    const asked = queryShape.parse(JSON.parse(body.toString()));
    const statement =
      /^SELECT .* AS row_count, .* AS key_count, .* AS key_sum FROM `(?<table>[^`]+)` WHERE `(?<key>\w+)` > @after AND `\w+` <= @up_to$/.exec(
        asked.query,
      )?.groups;
    const [project, dataset, table = ''] = statement?.['table']?.split('.') ?? [];
    if (project !== place.project || dataset !== place.dataset)
      return googleAnswer(400, 'invalidQuery', 'the statement is none that is served here');
    const bound = (name: string): bigint =>
      BigInt(asked.queryParameters.find((parameter) => parameter.name === name)?.parameterValue.value ?? '');
    const keys = (tables.get(table) ?? [])
      .map((row) => BigInt(String(row[statement?.['key'] ?? ''])))
      .filter((key) => key > bound('after') && key <= bound('up_to'));
    const values = [keys.length, new Set(keys).size, keys.reduce((sum, key) => sum + key, 0n)];
    const fields = ['row_count', 'key_count', 'key_sum'].map((name) => ({ name, type: 'STRING' }));
    const jobReference = { projectId: project, jobId: 'a-query', location: place.location };
    const rows = [{ f: values.map((value) => ({ v: String(value) })) }];
    return {
      status: 200,
      json: { jobComplete: true, jobReference, schema: { fields }, rows, totalRows: '1' },
    };
  };

  const answer = async (asked: Asked): Promise<Answer> => {
    const { pathname } = asked.url;
    requests.push(`${asked.method}${pathname.startsWith('/upload') ? ' upload' : ''}`);
    const [project, kind, name] = pathname.replace(/^(\/upload)?\/bigquery\/v2\/projects\//, '').split('/');
    if (project !== place.project)
      return googleAnswer(403, 'accessDenied', `Access Denied: Project ${String(project)}`);
    if (pathname.startsWith('/upload')) return upload(asked);
    if (kind === 'queries') return query(asked);
    if (kind === 'jobs' && asked.method === 'POST')
      return {
        status: 200,
        json: {
          status: { state: 'DONE' },
          jobReference: { location: place.location },
          ...dryRunShape.parse(JSON.parse(asked.body.toString())),
        },
      };
    if (kind === 'jobs') return look(asked, name ?? '');
    if (kind === 'datasets' && name === place.dataset)
      return { status: 200, json: { kind: 'bigquery#dataset', location: place.location } };
    return googleAnswer(404, 'notFound', `Not found: Dataset ${place.project}:${String(name)}`);
  };

  const server = await startAnswering(answer);
  return {
    ...server,
    tables,
    sessions,
    requests,
    get jobs() {
      return new Map([...jobs].map(([id, { failure }]) => [id, failure ?? 'DONE']));
    },
    failNext: (...reasons) => {
      failures.push(...reasons);
    },
  };
}

/** Reads a file by the library's own reader, which knows nothing of ours. */
async function readRows(file: Buffer): Promise<StoredRow[]> {
  const decoder = new avsc.streams.BlockDecoder({
    parseHook: (schema) => avsc.Type.forSchema(schema, { typeHook: exactLong }),
    codecs: {
      ...avsc.streams.BlockDecoder.defaultCodecs(),
      zstandard: (block, done) => {
        done(null, decompress(block));
      },
    },
  });
  const rows: StoredRow[] = [];
  decoder.on('data', (row: StoredRow) => rows.push({ ...row }));
  decoder.end(file);
  await once(decoder, 'end');
  return rows;
}

function exactLong(schema: unknown): avsc.Type | undefined {
  const type = typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : schema;
  return type === 'long' ? AVRO_LONG : undefined;
}
