import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery } from '@google-cloud/bigquery';
import { z } from 'zod';
import { StoreError } from '../errors.js';
import { googleError } from '../google-errors.js';
import { untilAborted } from '../until-aborted.js';

/** Where rows go in BigQuery, and as whom. */
export interface BigQueryOptions {
  readonly dataset: string;
  /** The project that has the dataset and pays for jobs; the one of the credentials by default. */
  readonly projectId?: string;
  /** File with the key of a service account; else the credentials of the machine, or GOOGLE_APPLICATION_CREDENTIALS. */
  readonly keyFile?: string;
  /** Where the dataset is, such as `EU`; the dataset is asked when left out. */
  readonly location?: string;
  /**
   * Another address of the API. One that begins with `http:` is taken for an emulator: credentials are neither looked for
   * nor sent, since they would go over the wire as text.
   */
  readonly apiEndpoint?: string;
  /** Bytes that are sent in one request, and held until they are acknowledged; a multiple of 256 KiB, 8 MiB by default. */
  readonly chunkBytes?: number;
  /** How often a request that failed on the way is repeated; 4 by default. */
  readonly retries?: number;
  /** Time between two looks at a job at first, which doubles up to 20 times that; 500 ms by default. */
  readonly pollMs?: number;
}

/** What a table has of a range of keys. */
export interface CountedRows {
  readonly rows: bigint;
  /** Different keys: fewer than rows when some are there twice. */
  readonly keys: bigint;
  /** Sum of the keys of all rows. */
  readonly keySum: bigint;
}

/** First pause before a request is made again; ms. */
const PAUSE_MS = 250;
/** What Google recommends at least for uploads in several requests. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const ADVICE =
  'check project and dataset, and that the service account has the roles BigQuery Job User in the project and ' +
  'BigQuery Data Editor in the dataset';

/** https://cloud.google.com/bigquery/docs/datasets#dataset-naming, and of tables what needs no quoting anywhere. */
const NAME = /^[A-Za-z0-9_]{1,1024}$/;

/** A dataset of BigQuery, and what is needed to speak to it. */
export class BigQueryDataset {
  readonly dataset: string;
  readonly chunkBytes: number;
  readonly retries: number;
  readonly pollMs: number;
  readonly #options: BigQueryOptions;
  readonly #projectId: string | undefined;
  #client: Promise<BigQuery> | undefined;
  #location: string | undefined;

  /** @throws {RangeError} for a name that no dataset has */
  constructor(options: BigQueryOptions) {
    const { dataset, projectId, location } = options;
    checkName('dataset', dataset);
    this.#options = options;
    this.dataset = dataset;
    this.chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.retries = options.retries ?? 4;
    this.pollMs = options.pollMs ?? 500;
    this.#projectId = projectId;
    this.#location = location;
  }

  /**
   * Of Google's library, which takes its time to load; every call of it goes through {@link BigQueryDataset.asking} or
   * {@link BigQueryDataset.doing}.
   */
  client(): Promise<BigQuery> {
    return (this.#client ??= clientOf(this.#options));
  }

  /** Project and dataset, for people and for the order book. */
  get place(): string {
    return this.#projectId === undefined ? this.dataset : `${this.#projectId}.${this.dataset}`;
  }

  /** The project that has the dataset. */
  async projectId(signal: AbortSignal): Promise<string> {
    return (
      this.#projectId ??
      (await this.asking('find out the project', signal, async () => (await this.client()).getProjectId()))
    );
  }

  /** Where the dataset is: jobs are found only by who knows that. */
  async location(signal: AbortSignal): Promise<string> {
    this.#location ??= await this.asking(`look at dataset ${this.place}`, signal, async () => {
      const found = await (await this.client()).dataset(this.dataset).getMetadata();
      return z
        .tuple([z.object({ location: z.string() })])
        .rest(z.unknown())
        .parse(found)[0].location;
    });
    return this.#location;
  }

  /**
   * Resolves when the dataset is there and we may run jobs; a job that is only estimated costs nothing.
   *
   * @throws {StoreError}
   */
  async check(signal: AbortSignal): Promise<void> {
    await this.asking(`look at dataset ${this.place}`, signal, async () =>
      (await this.client()).dataset(this.dataset).getMetadata(),
    );
    const location = await this.location(signal);
    await this.asking(`try a job in ${this.place}`, signal, async () =>
      (await this.client()).createQueryJob({ query: 'SELECT 1', dryRun: true, location }),
    );
  }

  /**
   * Counts the rows of a table with a key in (after, upTo], for an audit.
   *
   * @throws {StoreError}
   */
  async countRows(
    range: { readonly table: string; readonly key: string; readonly after: bigint; readonly upTo: bigint },
    signal: AbortSignal,
  ): Promise<CountedRows> {
    const { table, key, after, upTo } = range;
    checkName('table', table);
    checkName('column', key);
    const project = await this.projectId(signal);
    const location = await this.location(signal);
    // As text: the library would round what is beyond 2^53.
    const query =
      `SELECT CAST(COUNT(*) AS STRING) AS row_count, CAST(COUNT(DISTINCT \`${key}\`) AS STRING) AS key_count, ` +
      `CAST(IFNULL(SUM(CAST(\`${key}\` AS BIGNUMERIC)), 0) AS STRING) AS key_sum ` +
      `FROM \`${project}.${this.dataset}.${table}\` WHERE \`${key}\` > @after AND \`${key}\` <= @up_to`;
    const client = await this.client();
    const params = { after: client.int(String(after)), up_to: client.int(String(upTo)) };
    const [rows]: readonly unknown[] = await this.asking(`count rows of ${this.place}.${table}`, signal, () =>
      client.query({ query, params, location }),
    );
    const [counted] = z.tuple([countShape]).parse(rows);
    return counted;
  }

  /** Asks something that may be asked any number of times, and does so until there is an answer, or it is no use. */
  async asking<Result>(doing: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.doing(doing, signal, act);
      } catch (error) {
        await this.pauseOrThrow(attempt, error, signal);
      }
    }
  }

  /** Calls the library, and turns its errors into ours. */
  async doing<Result>(doing: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    try {
      return await untilAborted(signal, act);
    } catch (error) {
      signal.throwIfAborted();
      throw googleError('bigquery', doing, error, ADVICE);
    }
  }

  /**
   * Waits before a request is made again, twice as long each time.
   *
   * @param attempt number of the one that failed, from 0
   * @throws the error, when it does not pass by itself, or has come too often
   */
  async pauseOrThrow(attempt: number, error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const mayPass = error instanceof StoreError && !error.permanent;
    if (!mayPass || attempt >= this.retries) throw error;
    await sleep(PAUSE_MS * 2 ** attempt, undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}

async function clientOf({ projectId, keyFile, apiEndpoint }: BigQueryOptions): Promise<BigQuery> {
  const { BigQuery } = await import('@google-cloud/bigquery');
  const { PassThroughClient } = await import('google-auth-library');
  const isEmulator = apiEndpoint?.startsWith('http:') === true;
  return new BigQuery({
    ...(projectId === undefined ? {} : { projectId }),
    ...(keyFile === undefined ? {} : { keyFilename: keyFile }),
    ...(apiEndpoint === undefined ? {} : { apiEndpoint }),
    ...(isEmulator ? { authClient: new PassThroughClient() } : {}),
    // Not by the library, which repeats also what has to be asked for first.
    retryOptions: { autoRetry: false },
  });
}

const countShape = z
  .object({ row_count: z.string(), key_count: z.string(), key_sum: z.string() })
  .transform(({ row_count, key_count, key_sum }): CountedRows => ({
    rows: BigInt(row_count),
    keys: BigInt(key_count),
    keySum: BigInt(key_sum),
  }));

/**
 * Checks the name of a dataset, table or column.
 *
 * @throws {RangeError}
 */
export function checkName(what: string, name: string): void {
  if (!NAME.test(name))
    throw new RangeError(
      `${JSON.stringify(name)} cannot be a ${what} of BigQuery here: letters, digits and _ only`,
    );
}
