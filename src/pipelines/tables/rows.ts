import type { AvroValue, Row } from '../../formats/avro/schema.js';
import { ChecksumOf } from './checksum.js';
import type { Database, Row as DatabaseRow } from './mysql/database.js';
import { keySql, quoted } from './mysql/identifiers.js';
import { RunCursor } from './runs.js';
import type { TableShape } from './shape/shape.js';

/** Fewer rows are there than an order has: somebody deleted or changed some. */
export class MissingRowsError extends Error {
  override readonly name = 'MissingRowsError';

  /**
   * @param id the order's id
   * @param ordered rows when the order was made
   * @param counted rows now
   */
  constructor(id: string, ordered: number, counted: number) {
    super(
      `work order ${id}: ${String(ordered)} rows were ordered but ${String(counted)} are there now; nothing is delivered ` +
        '(somebody else has deleted rows, or written into the order book)',
    );
  }
}

/** A key of a table is not a whole number that is exact in JavaScript. */
export class KeyRangeError extends Error {
  override readonly name = 'KeyRangeError';

  /** @param key what the database answered */
  constructor(key: unknown) {
    super(`the key ${String(key)} is out of the range in which keys are taken: 0 to 2^53 - 1`);
  }
}

/** Rows of an order, however they are found. */
export interface RowsWanted {
  readonly id: string;
  readonly after: number;
  readonly upTo: number;
  readonly records: number;
  readonly checksum: string;
  /** Ascending runs of keys in (after, upTo] that are not the order's. */
  readonly without: Iterable<Readonly<{ from: number; to: number }>>;
}

/** Rows of a page at most, where rows are short. */
const PAGE_ROWS = 10_000;
/** Rows of the first page of a table with texts or bytes, until it is known how long they are. */
const FIRST_PAGE_ROWS = 500;
/** How many bytes of texts and the like a page is to have, about. */
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * The rows of an order in the order of their keys, page by page, each found by the key where the one before ended. So no
 * statement takes long, none holds back the server's clean-up, and two pages are in memory.
 *
 * @throws {MissingRowsError} instead of an end, when not all rows are there
 */
export async function* rowsOf(
  database: Database,
  shape: TableShape,
  wanted: RowsWanted,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[], void> {
  const pages = new Pages(database, shape, wanted);
  const without = new RunCursor(wanted.without);
  const checksum = new ChecksumOf();
  let records = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const page = await pages.next();
      if (page === undefined) break;
      const rows = page.take(without, checksum);
      records += rows.length;
      if (rows.length > 0) yield rows;
    }
  } finally {
    await pages.close();
  }
  if (records !== wanted.records || checksum.text !== wanted.checksum)
    throw new MissingRowsError(wanted.id, wanted.records, records);
}

/** Reads pages one ahead. */
class Pages {
  private readonly sql: string;
  private readonly longColumns: readonly number[];
  private ahead: Promise<Page> | undefined;
  private size: number;
  private ended = false;

  constructor(
    private readonly database: Database,
    private readonly shape: TableShape,
    { after, upTo }: Pick<RowsWanted, 'after' | 'upTo'>,
  ) {
    const columns = shape.columns.map(({ sql }) => sql).join(', ');
    const key = quoted(shape.key);
    this.sql = `SELECT ${columns} FROM ${quoted(shape.table)} WHERE ${key} > ? AND ${key} <= ${keySql(upTo)} ORDER BY ${key}`;
    this.longColumns = shape.columns.flatMap(({ isLong }, index) => (isLong === true ? [index] : []));
    this.size = this.longColumns.length > 0 ? FIRST_PAGE_ROWS : PAGE_ROWS;
    this.ahead = this.read(after);
  }

  async next(): Promise<Page | undefined> {
    if (this.ahead === undefined) return undefined;
    const page = await this.ahead;
    this.ahead = undefined;
    if (page.lastKey === undefined) return undefined;
    this.ended = page.rows.length < page.size;
    this.size = this.nextSize(page);
    if (!this.ended) this.ahead = this.read(page.lastKey);
    return page;
  }

  /** Waits for what is under way, so that nothing is left behind. */
  async close(): Promise<void> {
    await this.ahead?.catch(() => undefined);
  }

  private read(after: number): Promise<Page> {
    const size = this.size;
    const rows = this.database.rows('read rows', `${this.sql} LIMIT ${String(size)}`, [after]);
    const page = rows.then((found) => new Page(this.shape, found, size));
    // Whoever does not come back for it must not be told of an error that nobody listens to.
    page.catch(() => undefined);
    return page;
  }

  /** As many rows as make a page of the right size, going by the last one; never many more at once. */
  private nextSize({ rows, size }: Page): number {
    if (this.longColumns.length === 0 || rows.length === 0) return size;
    let bytes = 0;
    for (const row of rows) for (const index of this.longColumns) bytes += lengthOf(row[index]);
    const fitting = Math.floor((rows.length * PAGE_BYTES) / Math.max(1, bytes));
    return Math.max(1, Math.min(PAGE_ROWS, fitting, size * 4));
  }
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 0;
}

/** Rows as the database answered them. */
class Page {
  /** Key of the last one; undefined when there is none. */
  readonly lastKey: number | undefined;

  constructor(
    private readonly shape: TableShape,
    readonly rows: readonly DatabaseRow[],
    /** How many were asked for. */
    readonly size: number,
  ) {
    const last = rows.at(-1);
    this.lastKey = last === undefined ? undefined : keyOf(last[shape.keyIndex]);
  }

  /** The rows that are wanted, with values as Avro takes them; adds their keys to the checksum. */
  take(without: RunCursor, checksum: ChecksumOf): readonly Row[] {
    const { keyIndex, columns } = this.shape;
    const converters = columns.flatMap(({ convert }, index) =>
      convert === undefined ? [] : [{ index, convert }],
    );
    const taken: Row[] = [];
    for (const row of this.rows) {
      const key = keyOf(row[keyIndex]);
      if (without.has(key)) continue;
      checksum.key(key);
      taken.push(converted(row, converters));
    }
    return taken;
  }
}

/** A key as the database's client answers it. */
export function keyOf(value: unknown): number {
  const key = typeof value === 'string' ? Number(value) : value;
  if (typeof key !== 'number' || !Number.isSafeInteger(key) || key < 0) throw new KeyRangeError(value);
  return key;
}

function converted(
  row: DatabaseRow,
  converters: readonly { readonly index: number; readonly convert: (value: unknown) => AvroValue }[],
): Row {
  const values: unknown[] = converters.length === 0 ? [] : [...row];
  for (const { index, convert } of converters) values[index] = convert(values[index]);
  const result = converters.length === 0 ? row : values;
  if (!isRow(result)) throw new TypeError('the database answered something that is no plain value');
  return result;
}

/** The encoder looks at each value itself; to look here too would cost as much again. */
function isRow(values: readonly unknown[]): values is Row {
  return Array.isArray(values);
}
