import type { z } from 'zod';
import { ClickHouse, type Parameters, type RequestOptions } from '../../clickhouse/client.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import { Counted } from '../counted.js';
import type { PutReceipt } from '../file-store.js';
import { parseClickHouseDsn, type ClickHouseAddress } from './dsn.js';
import { clickHouseError } from './errors.js';

/** A ClickHouse that rows go to, which need not be the one that access logs come from. */
export interface ClickHouseDestinationOptions {
  /** Its address, see {@link parseClickHouseDsn}. */
  readonly dsn: string;
  /** For what the address does not say: how many connections there may be. */
  readonly settings: Settings;
  readonly log: Log;
  /** Time without a byte after which ClickHouse is taken for gone; 300 s by default. */
  readonly timeoutSeconds?: number;
}

/** Rows that are inserted. */
export interface AvroInsert {
  /** `INSERT INTO … FORMAT Avro`, or `INSERT INTO … SELECT … FROM input('…') … FORMAT Avro`. */
  readonly sql: string;
  /** Follows from the order alone: ClickHouse drops blocks that it has taken under the same token. */
  readonly token: string;
  /** An Avro object container file. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Values of `{name:Type}` in the statement. */
  readonly parameters?: Parameters;
  readonly settings?: RequestOptions['settings'];
  readonly signal: AbortSignal;
}

const TIMEOUT_SECONDS = 300;

/** A ClickHouse by its address. */
export class ClickHouseDestination {
  readonly #address: ClickHouseAddress;
  readonly #client: ClickHouse;

  /** @throws {InvalidDsnError} */
  constructor({ dsn, settings, log, timeoutSeconds = TIMEOUT_SECONDS }: ClickHouseDestinationOptions) {
    this.#address = parseClickHouseDsn(dsn);
    for (const note of this.#address.notes) log.warn({ note }, 'address of a ClickHouse');
    this.#client = new ClickHouse(
      {
        ...settings,
        'clickhouse.url': [...this.#address.urls],
        'clickhouse.username': this.#address.username,
        'clickhouse.password': this.#address.password,
        'clickhouse.timeout-seconds': timeoutSeconds,
      },
      log,
    );
  }

  /** Hosts and database, without the password; for people and for the order book. */
  get place(): string {
    return this.#address.urls.join(', ');
  }

  /** The database of statements that name none. */
  get database(): string {
    return this.#address.database;
  }

  /**
   * Inserts the rows of an Avro file. ClickHouse reads it as it comes, and writes block by block: after a failure a part
   * of the rows may be there. The same insert again leaves one copy when the table keeps tokens
   * (`non_replicated_deduplication_window`, or a replicated one) and the blocks are the same ones, or when the statement
   * itself leaves out what is there.
   *
   * @throws {StoreError} and what the content throws
   */
  async insertAvro({ sql, token, content, parameters, settings, signal }: AvroInsert): Promise<PutReceipt> {
    const counted = new Counted(content, signal);
    try {
      await this.#client.insertStream(sql, counted, {
        doing: 'insert rows',
        ...(parameters === undefined ? {} : { parameters }),
        settings: {
          ...settings,
          insert_deduplicate: 1,
          insert_deduplication_token: token,
          async_insert: 0,
          // Else what goes wrong behind the first byte of the answer would be told within it.
          wait_end_of_query: 1,
        },
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      counted.throwFailure();
      throw clickHouseError('insert rows', error, this.#address.notes);
    }
    return counted.receipt();
  }

  /** Runs a SELECT and validates each row of its answer. Throws a StoreError. */
  async query<Row>(
    row: z.ZodType<Row>,
    sql: string,
    signal: AbortSignal,
    parameters: Parameters = {},
  ): Promise<Row[]> {
    const options = { doing: 'look at rows', signal, parameters };
    return this.#calling(options, () => this.#client.query(row, sql, options));
  }

  /** Runs a statement that answers nothing. Throws a StoreError. */
  async command(sql: string, signal: AbortSignal, parameters: Parameters = {}): Promise<void> {
    const options = { doing: 'run a statement', signal, parameters };
    await this.#calling(options, () => this.#client.command(sql, options));
  }

  /**
   * Resolves when a host answers and lets us in, and the database is there.
   *
   * @throws {StoreError}
   */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#calling({ doing: 'check', signal }, () => this.#client.ping(signal));
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  async #calling<Result>({ doing, signal }: RequestOptions, act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      signal?.throwIfAborted();
      throw clickHouseError(doing, error, this.#address.notes);
    }
  }
}
