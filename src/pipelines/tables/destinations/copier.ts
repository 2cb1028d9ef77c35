import type { Row } from '../../../formats/avro/schema.js';
import type { DeliveredObject } from '../../pipeline.js';
import type { Noun } from '../../words.js';
import type { BookEntry } from '../book-row.js';
import type { Archiver, TableOrder } from '../order.js';
import type { Selection } from '../selection.js';
import type { TableShape } from '../shape/shape.js';

/** The rows of an order, to be copied. */
export interface Copy {
  readonly order: TableOrder;
  readonly shape: TableShape;
  readonly selection: Selection;
  /** Sum of the CRC-32 of the rows' keys: tells these rows from as many others. */
  readonly checksum: string;
  /** Begins a stream of the rows, which ends with an error unless it has all of them. */
  readonly rows: () => AsyncIterable<readonly Row[]>;
  readonly signal: AbortSignal;
  /** Tells one step in words. */
  readonly tell: (step: string) => void;
}

/** A delivered order that is looked for. */
export interface Asked {
  readonly entry: BookEntry;
  readonly shape: TableShape;
  readonly selection: Selection;
}

/** What a destination has of an order. */
export interface Found {
  readonly records: number;
  /** Sum of the CRC-32 of their keys; undefined where the destination does not say. */
  readonly checksum: string | undefined;
}

/** Where rows go: the same order any number of times leaves one copy of each. */
export interface Copier {
  readonly archiver: Exclude<Archiver, 'cleanup'>;
  /** What the log and the pages call the system behind it, when it is away. */
  readonly engine: string;
  /** The folder, bucket, dataset or table, for people. */
  readonly place: string;
  readonly title: string;
  readonly target: Noun;
  readonly object: Noun;
  /** Copies the rows of an order. */
  copy(copy: Copy): Promise<readonly DeliveredObject[]>;
  /** Reads what is there of a delivered order. */
  find(asked: Asked, signal: AbortSignal): Promise<Found>;
  /** Whether it is there, and may be written to. */
  check(signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}
