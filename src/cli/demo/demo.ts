import type { Noun } from '../../pipelines/words.js';
import type { Store } from '../assembly.js';
import type { CliContext } from '../context.js';

/** What engines are started with. */
export interface EnginesOptions {
  /** Directory for their data; there is a folder `logs` in it for logs. */
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Environment variables of log-courier's processes, as far as they are known before the engines are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The engines of a demo. */
export interface DemoEngines {
  /** The environment variables that point log-courier at them. */
  readonly environment: Readonly<Record<string, string>>;
  /** What there is to look at, and where. */
  readonly places: readonly { readonly what: string; readonly where: string }[];
  /** Rejects when one of them ends by itself and is missed; never when left out. */
  readonly failed?: Promise<never>;
  /** Ends them all. */
  readonly stop: () => Promise<void>;
}

/** What a demo plays on. */
export interface DemoStage {
  readonly context: CliContext;
  readonly store: Store;
  /** Records to begin with. */
  readonly rows: number;
}

/** What is particular to the demo of one kind of pipeline. */
export interface Demo {
  /** What it shows, for `--help`. */
  readonly shows: string;
  readonly record: Noun;
  /** Records to begin with, unless somebody wants another number. */
  readonly defaultRows: number;
  /** What is started, for people: "Redis, ClickHouse and S3". */
  readonly engineNames: string;
  /** Environment variables that make it lively. */
  readonly settings: Readonly<Record<string, string>>;
  /** Starts the engines, with their data in a directory. */
  startEngines(options: EnginesOptions): Promise<DemoEngines>;
  /**
   * Makes the records to begin with.
   *
   * @returns what was made, in a sentence
   */
  generate(stage: DemoStage): Promise<string>;
  /** How many deliveries of a record there are to come in all; 1 when left out. */
  deliveries?(stage: DemoStage): number;
  /** How many deliveries are still to come, when the pipelines do not know of all that waits. */
  left?(stage: DemoStage): Promise<number>;
  /** Tells whether all is done that is to be seen, once nothing waits any more; at once when left out. */
  isDone?(stage: DemoStage): Promise<boolean>;
  /** Counts what was delivered in a way of its own, beside the audit, and says in a sentence what it found. */
  countBack?(stage: DemoStage): Promise<{ readonly isComplete: boolean; readonly says: string }>;
  /** A few lines to show of what was delivered. */
  sample(stage: DemoStage): Promise<readonly string[]>;
  /** What goes on coming in for as long as the demo is not told to end. */
  readonly more: {
    readonly records: number;
    readonly everySeconds: number;
    /** @param round from 1 */
    make(stage: DemoStage, round: number): Promise<void>;
  };
}
