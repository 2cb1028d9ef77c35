import { NoSuchFileError, type FileStore } from '../../destinations/file-store.js';
import { StoreError } from '../../destinations/errors.js';
import { isError } from '../../observability/is-error.js';
import type { Metrics } from '../../observability/metrics.js';
import { DeliveryError } from '../errors.js';
import type { DeliveredObject, DeliveryContext, Receipt } from '../pipeline.js';
import { enveloped, type SpooledReport } from './archive/envelope.js';
import type { CompressOptions } from './archive/compress.js';
import type { KeyPattern } from './archive/key-pattern.js';
import { BrokenFileError } from './archive/lines.js';
import { FileTakenError, putLines } from './archive/put-lines.js';
import type { Book } from './book/book.js';
import { BrokenInputError, InputGoneError, type Inputs } from './inputs.js';
import type { ReportsOrder } from './order.js';

/** What delivery works with. */
export interface DeliverParts {
  readonly book: Book;
  readonly inputs: Inputs;
  readonly store: FileStore;
  readonly pattern: KeyPattern;
  readonly compress: CompressOptions;
  /** Whether lines are to say what the collector knows of a report. */
  readonly envelope: boolean;
  readonly metrics: Metrics;
}

/** What is delivered is not what was ordered. */
export class CountsDifferError extends Error {
  override readonly name = 'CountsDifferError';
}

/** Reports of an order that go to the same file. */
interface Group {
  records: number;
  bytes: number;
}

/** Bytes of reports that are held in memory, when they go to several files. */
const HELD_BYTES = 32 * 1024 * 1024;

/**
 * Delivers an order: the reports of its input as zstd-compressed JSON lines, in one file, or, by the key pattern, in one
 * for each day, agent or type. Names and content follow from the input alone, so each attempt writes the same.
 *
 * @throws {DeliveryError}
 */
export async function deliver(
  parts: DeliverParts,
  { id }: ReportsOrder,
  context: DeliveryContext,
): Promise<Receipt> {
  const entry = await parts.book.find(id);
  if (entry === undefined)
    throw new Error(
      `work order ${id} is not in the order book of this spool: does this process see another one?`,
    );
  if (entry.state === 'delivered' || entry.state === 'skipped')
    return { objects: [], records: 0, bytes: 0, earlier: [], already: entry.state };
  try {
    return await deliverInput(parts, entry.order, context);
  } catch (error) {
    context.signal.throwIfAborted();
    // Another process may have delivered it meanwhile, and removed the input.
    const state = (await parts.book.find(id))?.state;
    if (state === 'delivered' || state === 'skipped')
      return { objects: [], records: 0, bytes: 0, earlier: [], already: state };
    throw described(error, parts.store.place);
  }
}

async function deliverInput(
  parts: DeliverParts,
  order: ReportsOrder,
  { signal, report }: DeliveryContext,
): Promise<Receipt> {
  const groups = await plan(parts, order, signal);
  const objects: DeliveredObject[] = [];
  report(`${String(order.records)} reports go to ${String(groups.size)} file(s) in ${parts.store.place}`, 5);
  for (const names of passesOf(groups)) {
    for await (const object of deliverPass(parts, order, names, groups, signal)) {
      objects.push(object);
      report(
        `wrote ${object.key}: ${String(object.records)} reports, ${String(object.bytes)} bytes`,
        5 + Math.floor((90 * objects.length) / groups.size),
      );
    }
  }
  const records = objects.reduce((sum, object) => sum + object.records, 0);
  if (records !== order.records) throw countsDiffer(order, records);
  return { objects, records, bytes: objects.reduce((sum, object) => sum + object.bytes, 0), earlier: [] };
}

/** Which files there will be, and what goes to each. */
async function plan(
  parts: DeliverParts,
  order: ReportsOrder,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Group>> {
  const groups = new Map<string, Group>();
  let records = 0;
  for await (const reports of parts.inputs.read(order, signal)) {
    for (const one of reports) {
      const name = nameFor(parts, order, one);
      const group = groups.get(name) ?? { records: 0, bytes: 0 };
      group.records += 1;
      group.bytes += one.line.byteLength;
      groups.set(name, group);
      records += 1;
    }
  }
  if (records !== order.records) throw countsDiffer(order, records);
  return groups;
}

/** Which files are written in one pass over the input: as many as fit into memory, or one that need not. */
function* passesOf(groups: ReadonlyMap<string, Group>): Generator<readonly string[], void> {
  let names: string[] = [];
  let bytes = 0;
  for (const [name, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (names.length > 0 && bytes + group.bytes > HELD_BYTES) {
      yield names;
      names = [];
      bytes = 0;
    }
    names.push(name);
    bytes += group.bytes;
  }
  if (names.length > 0) yield names;
}

async function* deliverPass(
  parts: DeliverParts,
  order: ReportsOrder,
  names: readonly string[],
  groups: ReadonlyMap<string, Group>,
  signal: AbortSignal,
): AsyncGenerator<DeliveredObject, void> {
  const [only] = names;
  if (only !== undefined && names.length === 1) {
    yield await putGroup(parts, only, groups, () => linesFor(parts, order, only, signal), signal);
    return;
  }
  const held = new Map<string, Uint8Array[]>(names.map((name) => [name, []]));
  for await (const reports of parts.inputs.read(order, signal))
    for (const one of reports) held.get(nameFor(parts, order, one))?.push(lineOf(parts, order, one));
  for (const [name, lines] of held) {
    yield await putGroup(parts, name, groups, () => one(lines), signal);
    held.set(name, []);
  }
}

async function* one(lines: readonly Uint8Array[]): AsyncGenerator<readonly Uint8Array[], void> {
  yield await Promise.resolve(lines);
}

/** The lines of one file, read from the input as they are needed. */
async function* linesFor(
  parts: DeliverParts,
  order: ReportsOrder,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Uint8Array[], void> {
  for await (const reports of parts.inputs.read(order, signal)) {
    const ours = parts.pattern.splits
      ? reports.filter((one) => nameFor(parts, order, one) === name)
      : reports;
    yield ours.map((one) => lineOf(parts, order, one));
  }
}

async function putGroup(
  { store, compress, metrics }: DeliverParts,
  name: string,
  groups: ReadonlyMap<string, Group>,
  lines: () => AsyncIterable<readonly Uint8Array[]>,
  signal: AbortSignal,
): Promise<DeliveredObject> {
  const stop = metrics.uploadSeconds.startTimer();
  let status = 'failed';
  try {
    const expected = groups.get(name)?.records ?? 0;
    const written = await putLines({ store, compress, name, lines, records: expected, signal });
    status = 'success';
    metrics.buildObjects.inc();
    metrics.buildObjectBytes.observe(written.bytes);
    metrics.reportBytesRead.inc(written.rawBytes);
    metrics.reportBytesArchived.inc(written.bytes);
    const { records, bytes, sha256 } = written;
    return { bucket: store.place, prefix: '', key: name, records, bytes, sha256 };
  } finally {
    stop({ status });
    metrics.uploadObjects.inc({ status });
  }
}

function nameFor({ pattern }: DeliverParts, { time, rank, id }: ReportsOrder, of: SpooledReport): string {
  return pattern.nameOf({ time, rank, id, receivedMs: of.receivedMs, agent: of.agent, type: of.type });
}

/** Lines of files that were taken in stay as they are: nothing is known of them that they do not say themselves. */
function lineOf({ envelope }: DeliverParts, { kind }: ReportsOrder, of: SpooledReport): Uint8Array {
  return envelope && kind === 'segment' ? enveloped(of) : of.line;
}

function countsDiffer({ input, records: ordered }: ReportsOrder, records: number): CountsDifferError {
  return new CountsDifferError(
    `${input} was ordered with ${String(ordered)} reports and has ${String(records)} now; nothing is committed`,
  );
}

/** Says of an error whether a retry helps. */
function described(error: unknown, place: string): unknown {
  if (!isError(error) || error instanceof DeliveryError) return error;
  const failure = { target: place, message: error.message, cause: error };
  if (error instanceof StoreError)
    return new DeliveryError([{ ...failure, code: error.code, permanent: error.permanent }]);
  if (error instanceof FileTakenError)
    return new DeliveryError([{ ...failure, code: 'FileTaken', permanent: true }]);
  if (
    error instanceof BrokenInputError ||
    error instanceof InputGoneError ||
    error instanceof CountsDifferError ||
    error instanceof BrokenFileError
  )
    return new DeliveryError([
      { ...failure, target: 'spool', code: error.name.replace(/Error$/, ''), permanent: true },
    ]);
  if (error instanceof NoSuchFileError)
    return new DeliveryError([{ ...failure, code: 'NoSuchFile', permanent: false }]);
  return error;
}
