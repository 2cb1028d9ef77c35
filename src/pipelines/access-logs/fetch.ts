import { createHash, randomUUID, type Hash } from 'node:crypto';
import type { ClickHouse } from '../../clickhouse/client.js';
import { ClickHouseTruncatedError } from '../../clickhouse/errors.js';
import type { Tables } from '../../clickhouse/tables.js';
import { logLineExpression } from './log-line-sql.js';
import type { ObjectContent } from './object-content.js';
import { orderParameters, orderSql, type AccessLogOrder } from './order.js';
import type { PlannedObject } from './plan.js';

const NEWLINE = 0x0a;
/** How much of an answer's end is kept for the error message when it is not whole; an exception's text fits in. */
const TAIL_BYTES = 8192;

/** ClickHouse sent another number of lines than it counts records for the object. */
export class LineCountError extends Error {
  override readonly name = 'LineCountError';

  /**
   * @param expected records counted
   * @param received lines received
   */
  constructor(doing: string, expected: number, received: number) {
    super(
      `${doing}: ClickHouse counts ${String(expected)} records but sent ${String(received)} lines; nothing is ` +
        'delivered before both agree (a replica may lag behind)',
    );
  }
}

/**
 * The lines of one log object, as the bytes that ClickHouse formats. Nothing is done for single records here but
 * to count newlines. The object is whole only when the iteration ends without an error:
 *
 * - The last line that ClickHouse sends is a mark that only this request knows, sorted behind all records. An answer
 *   that breaks off, or that ends in the text of an exception, does not end with it.
 * - The number of lines is that of the records that ClickHouse counted for the object.
 */
export class LogLines implements ObjectContent {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #order: AccessLogOrder;
  readonly #object: PlannedObject;
  readonly #signal: AbortSignal;
  readonly #digest: Hash = createHash('sha256');
  readonly #onAnswer: () => void;
  #lines = 0;
  #sha256: string | undefined;
  #bytes = 0;

  /** @param onAnswer called when ClickHouse begins to answer */
  constructor(
    clickhouse: ClickHouse,
    tables: Tables,
    order: AccessLogOrder,
    object: PlannedObject,
    signal: AbortSignal,
    onAnswer: () => void = () => undefined,
  ) {
    this.#onAnswer = onAnswer;
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#order = order;
    this.#object = object;
    this.#signal = signal;
  }

  /** Bytes handed on so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when the iteration has ended well. */
  get isWhole(): boolean {
    return this.#sha256 !== undefined;
  }

  /**
   * SHA-256 of all bytes, hex.
   *
   * @throws {TypeError} before the iteration has ended well
   */
  get sha256(): string {
    if (this.#sha256 === undefined) throw new TypeError('the digest is known when all lines have been read');
    return this.#sha256;
  }

  /**
   * @throws {ClickHouseTruncatedError} when the answer is not whole
   * @throws {LineCountError} when lines and records differ in number
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const doing = `fetch the records of work order ${this.#order.id}`;
    const mark = Buffer.from(`${randomUUID()}\n`);
    const stream = await this.#clickhouse.stream(linesSql(this.#tables, this.#object), {
      doing,
      signal: this.#signal,
      parameters: {
        ...orderParameters(this.#order),
        ...targetParameters(this.#object),
        mark: mark.toString().trim(),
      },
      settings: { max_execution_time: 0 },
    });
    const chunks: AsyncIterable<Buffer> = stream;
    this.#onAnswer();
    let held: Buffer = Buffer.alloc(0);
    let tail: Buffer = held;
    try {
      for await (const chunk of chunks) {
        tail = lastBytes(tail, chunk);
        // What may be the mark is held back. Pieces are handed on as they are: copying them costs as much as reading.
        const joined = chunk.byteLength < mark.byteLength ? Buffer.concat([held, chunk]) : chunk;
        if (joined === chunk && held.byteLength > 0) yield this.#handOn(held);
        const safe = Math.max(0, joined.byteLength - mark.byteLength);
        held = joined.subarray(safe);
        if (safe > 0) yield this.#handOn(joined.subarray(0, safe));
      }
    } catch (cause) {
      this.#signal.throwIfAborted();
      throw new ClickHouseTruncatedError(doing, tail.toString('utf8'), { cause });
    } finally {
      stream.destroy();
    }
    if (!held.equals(mark)) throw new ClickHouseTruncatedError(doing, tail.toString('utf8'));
    if (this.#lines !== this.#object.records)
      throw new LineCountError(doing, this.#object.records, this.#lines);
    this.#sha256 = this.#digest.digest('hex');
  }

  #handOn(bytes: Buffer): Uint8Array {
    this.#lines += linesIn(bytes);
    this.#bytes += bytes.byteLength;
    this.#digest.update(bytes);
    return bytes;
  }
}

/** Line feeds in some bytes. */
export function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** The last {@link TAIL_BYTES} of what came so far. */
function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  const all = chunk.byteLength < TAIL_BYTES ? Buffer.concat([before, chunk]) : chunk;
  return all.subarray(-TAIL_BYTES);
}

/** Values that choose the records of one object among those of its order. */
function targetParameters({ targetBucket, targetPrefix, day }: PlannedObject): Record<string, string> {
  return { targetBucket, targetPrefix, ...(day === '' ? {} : { day }) };
}

/**
 * The lines of one object in order of startTime, then req_id, and behind them the mark. Records that have both in
 * common stand in the order of their lines, so that a repeat makes the same bytes.
 * Binds: an order's parameters, targetBucket, targetPrefix, day when the object has one, mark.
 */
function linesSql(tables: Tables, { day }: PlannedObject): string {
  return `SELECT line FROM (
      SELECT ${logLineExpression()} AS line, startTime AS at, req_id AS id, 0 AS isMark
      FROM ${tables.logs}
      WHERE ${orderSql()}
        AND loggingTargetBucket = {targetBucket:String} AND loggingTargetPrefix = {targetPrefix:String}
        ${day === '' ? '' : "AND toString(toDate(startTime, 'UTC')) = {day:String}"}
      UNION ALL
      SELECT {mark:String} AS line, toDateTime64(0, 3) AS at, '' AS id, 1 AS isMark
    )
    ORDER BY isMark, at, id, line
    FORMAT TSVRaw`;
}
