import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  createClient,
  ClickHouseLogLevel,
  type ClickHouseClient,
  type ClickHouseSettings,
} from '@clickhouse/client';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import { isConnectionError, wrapClickHouseError } from './errors.js';

/** Values bound to `{name:Type}` in a statement. Text from strangers travels only this way. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Options of one request. */
export interface RequestOptions {
  /** What the request is for, in words, e.g. `find ready buckets`; begins its error messages. */
  readonly doing: string;
  readonly parameters?: Parameters;
  readonly settings?: ClickHouseSettings;
  readonly signal?: AbortSignal;
}

/** A query's rows, and what they cost. */
export interface Measured<Row> {
  readonly rows: readonly Row[];
  /** Rows that ClickHouse read for them, on all shards, as it says itself. */
  readonly rowsRead: number;
}

interface Host {
  readonly url: string;
  readonly client: ClickHouseClient;
}

/**
 * ClickHouse over HTTP, at one host or several. A request goes to the host that answered last; when that one
 * cannot be reached, the others are tried in turn. An answer that breaks off is an error, never retried here:
 * only the caller knows whether what it did can be repeated.
 */
export class ClickHouse {
  readonly #hosts: readonly Host[];
  readonly #log: Log;
  #preferred = 0;

  constructor(settings: Settings, log: Log) {
    this.#log = log;
    this.#hosts = settings['clickhouse.url'].map((url) => ({ url, client: connect(url, settings) }));
  }

  /** The URLs of the hosts, in the settings' order. */
  get urls(): readonly string[] {
    return this.#hosts.map((host) => host.url);
  }

  /**
   * Runs a SELECT and validates each row of its answer.
   *
   * @throws {ClickHouseUnreachableError} when no host answers
   * @throws {ClickHouseQueryError} when ClickHouse refuses the query or fails
   */
  async query<Row>(row: z.ZodType<Row>, sql: string, options: RequestOptions): Promise<Row[]> {
    const answer = await this.#onSomeHost(options, async (client) => {
      const result = await client.query({ query: sql, format: 'JSONEachRow', ...requestOf(options) });
      return result.json();
    });
    return z.array(row).parse(answer);
  }

  /**
   * Like {@link ClickHouse.query}, and says what the query cost. The answer is held as a whole, so this is for short
   * ones.
   */
  async queryMeasured<Row>(
    row: z.ZodType<Row>,
    sql: string,
    options: RequestOptions,
  ): Promise<Measured<Row>> {
    const answer: unknown = await this.#onSomeHost(options, async (client) => {
      const result = await client.query({ query: sql, format: 'JSON', ...requestOf(options) });
      return result.json();
    });
    const { data, statistics } = z
      .object({ data: z.array(row), statistics: z.object({ rows_read: z.number() }) })
      .parse(answer);
    return { rows: data, rowsRead: statistics.rows_read };
  }

  /** Runs a statement that answers nothing. Throws as {@link ClickHouse.query} does. */
  async command(sql: string, options: RequestOptions): Promise<void> {
    await this.#onSomeHost(options, (client) => client.command({ query: sql, ...requestOf(options) }));
  }

  /**
   * Inserts rows given as objects; columns that a row leaves out take their defaults.
   * Throws as {@link ClickHouse.query} does.
   */
  async insert(table: string, rows: readonly object[], options: RequestOptions): Promise<void> {
    if (rows.length === 0) return;
    await this.#onSomeHost(options, (client) =>
      client.insert({ table, values: rows, format: 'JSONEachRow', ...requestOf(options) }),
    );
  }

  /**
   * Runs an INSERT that names its own FORMAT, with its data as a stream. Data can be read once, so a host that answers is
   * looked for first, and the insert goes to that one alone.
   *
   * @throws what {@link ClickHouse.query} throws; when the data throw, that, or an error that came of it
   */
  async insertStream(sql: string, data: AsyncIterable<Uint8Array>, options: RequestOptions): Promise<void> {
    await this.ping(options.signal);
    const host = this.#hosts[this.#preferred];
    if (host === undefined) throw new RangeError('no host of ClickHouse is known');
    const values = Readable.from(data, { objectMode: false });
    try {
      const { stream } = await host.client.exec({ query: sql, values, ...requestOf(options) });
      // There is nothing in it, but it ends only when the insert has.
      await finished(stream.resume());
    } catch (error) {
      options.signal?.throwIfAborted();
      throw wrapClickHouseError(options.doing, this.urls, error);
    } finally {
      values.destroy();
    }
  }

  /**
   * Runs a SELECT that names its own FORMAT and hands on the bytes of the answer as they come.
   * The caller must read the stream to its end or destroy it, and must check that it is whole: ClickHouse
   * reports a failure in mid-answer inside the answer.
   */
  async stream(sql: string, options: RequestOptions): Promise<Readable> {
    const { stream } = await this.#onSomeHost(options, (client) =>
      client.exec({ query: sql, ...requestOf(options) }),
    );
    return stream;
  }

  /** Asks one host, or the one that is in use, whether it is there. Throws when it is not. */
  async ping(signal?: AbortSignal): Promise<void> {
    await this.query(z.unknown(), 'SELECT 1', { doing: 'ping', ...(signal === undefined ? {} : { signal }) });
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.client.close()));
  }

  async #onSomeHost<Answer>(
    options: RequestOptions,
    request: (client: ClickHouseClient) => Promise<Answer>,
  ): Promise<Answer> {
    // The client library looks at a signal only while a request is under way.
    options.signal?.throwIfAborted();
    let lastError: unknown;
    for (let tried = 0; tried < this.#hosts.length; tried += 1) {
      const index = (this.#preferred + tried) % this.#hosts.length;
      const host = this.#hosts[index];
      if (host === undefined) break;
      try {
        const answer = await request(host.client);
        if (tried > 0) {
          this.#log.warn({ host: host.url }, 'ClickHouse: another host has taken over');
          this.#preferred = index;
        }
        return answer;
      } catch (error) {
        options.signal?.throwIfAborted();
        lastError = error;
        if (!isConnectionError(error)) break;
      }
    }
    throw wrapClickHouseError(options.doing, this.urls, lastError);
  }
}

/** Settings of every request: numbers come as numbers, and inserts are on the shards when they are acknowledged. */
const ALWAYS: ClickHouseSettings = {
  output_format_json_quote_64bit_integers: 0,
  distributed_foreground_insert: 1,
  date_time_input_format: 'best_effort',
};

function connect(url: string, settings: Settings): ClickHouseClient {
  return createClient({
    url,
    username: settings['clickhouse.username'],
    password: settings['clickhouse.password'],
    request_timeout: settings['clickhouse.timeout-seconds'] * 1000,
    max_open_connections: settings['consumer.num-workers'] * 2 + 4,
    application: 'log-courier',
    clickhouse_settings: ALWAYS,
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function requestOf(options: RequestOptions): {
  query_params?: Record<string, unknown>;
  clickhouse_settings?: ClickHouseSettings;
  abort_signal?: AbortSignal;
} {
  return {
    ...(options.parameters === undefined ? {} : { query_params: { ...options.parameters } }),
    ...(options.settings === undefined ? {} : { clickhouse_settings: options.settings }),
    ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
  };
}
