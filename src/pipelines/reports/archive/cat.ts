import { NoSuchFileError, type FileStore } from '../../../destinations/file-store.js';
import { isError } from '../../../observability/is-error.js';
import { readLine, type ArchivedReport } from './envelope.js';
import type { Condition } from './json-path.js';
import { encodePart, type KeyPattern, type NameSays } from './key-pattern.js';
import { BrokenFileError, compressionOf, linesOf } from './lines.js';

/** Which reports are wanted. */
export interface ReportFilter {
  /** Received at this time or later, ms since 1970. */
  readonly sinceMs?: number | undefined;
  /** Received before this time, ms since 1970. */
  readonly untilMs?: number | undefined;
  readonly agent?: string | undefined;
  readonly type?: string | undefined;
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
}

/** What reading back works with. */
export interface CatParts {
  readonly store: FileStore;
  readonly pattern: KeyPattern;
  /** How long a collector may write to one segment: so much later than its name a report of a file can be. */
  readonly segmentSeconds: number;
  readonly filter: ReportFilter;
  readonly signal: AbortSignal;
  /** Is told of what could not be read, or not be judged; the rest is shown all the same. */
  readonly onProblem: (file: string, why: string) => void;
}

/** A report that is wanted, and the file that it is in. */
export interface FoundReport extends ArchivedReport {
  readonly file: string;
}

/**
 * A collector that was paused can have written to a segment for longer than it should. So far beyond that a file is
 * still looked into; ms.
 */
const SLACK_MS = 3_600_000;

/**
 * Streams reports out of an archive, file by file in the order of their names. Files that cannot have any of those
 * wanted, by the folders and the time in their names, are neither listed nor read, as far as that is possible.
 *
 * A report in an envelope is judged by what that says. One without is judged by its file's name: its time is that of its
 * segment, its agent and type those in the name.
 */
export async function* catReports(parts: CatParts): AsyncGenerator<FoundReport, void> {
  const { store, pattern, filter, signal, segmentSeconds } = parts;
  const reachMs = segmentSeconds * 1000 + SLACK_MS;
  const prefixes = pattern.prefixes({
    fromMs: filter.sinceMs,
    toMs: filter.untilMs ?? (filter.sinceMs === undefined ? undefined : Date.now()),
    agent: filter.agent,
    type: filter.type,
  });
  for (const prefix of prefixes) {
    for await (const { name } of store.list(prefix, signal)) {
      if (compressionOf(name) === undefined) continue;
      const says = pattern.read(name) ?? NOTHING;
      if (canHave(says, filter, reachMs)) yield* reportsIn(parts, name, says);
    }
  }
}

const NOTHING: NameSays = { timeMs: null, from: null, to: null, agent: null, type: null };

/** Tells whether a file can have a report that is wanted, as far as its name says. */
export function canHave(
  { timeMs, from, to, agent, type }: NameSays,
  filter: ReportFilter,
  reachMs: number,
): boolean {
  const { sinceMs = -Infinity, untilMs = Infinity } = filter;
  const first = Math.max(timeMs ?? -Infinity, from ?? -Infinity);
  const beyond = Math.min(timeMs === null ? Infinity : timeMs + reachMs, to ?? Infinity);
  return (
    first < untilMs &&
    beyond > sinceMs &&
    (filter.agent === undefined || agent === null || agent === encodePart(filter.agent)) &&
    (filter.type === undefined || type === null || type === encodePart(filter.type))
  );
}

async function* reportsIn(parts: CatParts, file: string, says: NameSays): AsyncGenerator<FoundReport, void> {
  const { store, signal, onProblem } = parts;
  const judge = new Judge(parts, says);
  try {
    for await (const lines of linesOf(store.read(file, signal), compressionOf(file) ?? 'none')) {
      for (const line of lines) {
        const report = judge.wanted(line.toString('utf8'));
        if (report !== undefined) yield { ...report, file };
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BrokenFileError) && !(error instanceof NoSuchFileError)) throw error;
    onProblem(file, error.message);
  }
  for (const problem of judge.problems()) onProblem(file, problem);
}

/** Judges the lines of one file. */
class Judge {
  readonly #filter: ReportFilter;
  readonly #says: NameSays;
  readonly #segmentMs: number;
  #broken = 0;
  #unknown = 0;

  constructor({ filter, segmentSeconds }: CatParts, says: NameSays) {
    this.#filter = filter;
    this.#says = says;
    this.#segmentMs = segmentSeconds * 1000;
  }

  /** The report of a line; undefined when it is not wanted. */
  wanted(text: string): ArchivedReport | undefined {
    let report: ArchivedReport;
    try {
      report = readLine(text);
    } catch (error) {
      if (!isError(error)) throw error;
      this.#broken += 1;
      return undefined;
    }
    return this.#isInTime(report) && this.#isOfSender(report) && this.#holds(report) ? report : undefined;
  }

  /** What is wrong with the file, in words. */
  problems(): readonly string[] {
    const problems: string[] = [];
    if (this.#broken > 0) problems.push(`${String(this.#broken)} of its lines are no JSON`);
    if (this.#unknown > 0)
      problems.push(
        `${String(this.#unknown)} of its reports do not say their agent or type (reports.envelope, or {agent} and {type} in reports.key-pattern); they are left out`,
      );
    return problems;
  }

  #isInTime({ receivedAt }: ArchivedReport): boolean {
    const { sinceMs = -Infinity, untilMs = Infinity } = this.#filter;
    if (receivedAt !== null) {
      const at = Date.parse(receivedAt);
      return at >= sinceMs && at < untilMs;
    }
    const { timeMs } = this.#says;
    return timeMs === null || (timeMs + this.#segmentMs >= sinceMs && timeMs < untilMs);
  }

  #isOfSender(report: ArchivedReport): boolean {
    for (const what of ['agent', 'type'] as const) {
      const wanted = this.#filter[what];
      // A name that says another one is not read at all; one that says it holds for all of the file.
      if (wanted === undefined || report[what] === wanted) continue;
      if (report[what] === null && this.#says[what] !== null) continue;
      if (report[what] === null) this.#unknown += 1;
      return false;
    }
    return true;
  }

  #holds({ report }: ArchivedReport): boolean {
    return this.#filter.conditions.every((condition) => condition.holds(report));
  }
}
