import { createHash } from 'node:crypto';
import type { Pipeline } from '../../pipelines/pipeline.js';
import type { RetentionReport } from '../../pipelines/retention.js';
import type { FailedGroup, SourceFigures, SourcesReport } from '../../pipelines/views.js';
import type { FailureGroupView, PipelineOverview, SourceRow } from '../api/shapes.js';

/** How long figures count as those of the moment, in ms. */
const FRESH_FOR_MS = 150_000;

/** Why a source is stuck. */
interface Stuck {
  readonly codes: Set<string>;
  readonly targets: Set<string>;
}

/** Sources that a group of failures names; more are only counted. */
const SOURCES_NAMED = 20;

/** What was last read of one pipeline. An engine that is away leaves it as it was. */
export class PipelineFigures {
  readonly pipeline: Pipeline;
  #report: SourcesReport | undefined;
  /** When the report was read, by `performance.now()`: ages go on from there. */
  #reportedAt = 0;
  #readAt: string | null = null;
  #groups: readonly FailedGroup[] = [];
  /** The same as JSON, to tell whether they have changed. */
  #groupsText = '[]';
  #failures: readonly FailureGroupView[] = [];
  #stuck: ReadonlyMap<string, Stuck> = new Map();
  #retention: RetentionReport | undefined;
  #rows: ReadonlyMap<string, SourceRow> | undefined;

  constructor(pipeline: Pipeline) {
    this.pipeline = pipeline;
  }

  /** Reads where the sources stand. */
  async readSources(signal: AbortSignal): Promise<void> {
    this.#report = await this.pipeline.sources(signal);
    this.#reportedAt = performance.now();
    this.#readAt = new Date().toISOString();
    this.#rows = undefined;
  }

  /**
   * Reads the failures.
   *
   * @returns whether they are others than before
   */
  async readFailures(signal?: AbortSignal): Promise<boolean> {
    const groups = await this.pipeline.failures(signal);
    const text = JSON.stringify(groups);
    if (text === this.#groupsText) return false;
    [this.#groups, this.#groupsText] = [groups, text];
    this.#failures = groups.map(viewOf);
    const stuck = new Map<string, Stuck>();
    for (const { code, targets, sources } of this.#groups) {
      for (const source of sources) {
        const of = stuck.get(source) ?? { codes: new Set(), targets: new Set() };
        of.codes.add(code);
        for (const target of targets) of.targets.add(target);
        stuck.set(source, of);
      }
    }
    this.#stuck = stuck;
    this.#rows = undefined;
    return true;
  }

  /** Reads what is near the end of its retention. */
  async readRetention(signal: AbortSignal): Promise<void> {
    this.#retention = await this.pipeline.nearRetention(signal);
  }

  /** The failures, most orders first. */
  get failures(): readonly FailureGroupView[] {
    return this.#failures;
  }

  /** The group of failures that an id names. */
  group(id: string): FailedGroup | undefined {
    return this.#groups.find((group) => groupId(group) === id);
  }

  /** The same, when it has only just begun to fail. */
  async readGroup(id: string): Promise<FailedGroup | undefined> {
    await this.readFailures();
    return this.group(id);
  }

  /** Codes of the failures, the most frequent first. */
  get failureCodes(): readonly string[] {
    return [...new Set(this.#groups.map(({ code }) => code))];
  }

  /** Every source, as its row in the table; ages are those of the last reading. */
  get rows(): ReadonlyMap<string, SourceRow> {
    this.#rows ??= this.#makeRows();
    return this.#rows;
  }

  /** Ms since 1970 by the clock of the source, at this moment; undefined before the first reading. */
  get sourceNow(): number | undefined {
    if (this.#report === undefined) return undefined;
    return Date.parse(this.#report.at) + performance.now() - this.#reportedAt;
  }

  /** Records that wait, when that was read lately. */
  get backlog(): number | undefined {
    const isFresh = performance.now() - this.#reportedAt < FRESH_FOR_MS;
    return isFresh
      ? this.#report?.sources.reduce((sum, { waitingRecords }) => sum + waitingRecords, 0)
      : undefined;
  }

  /** The pipeline in figures. */
  overview(lastDiscoveryAt: string | null): PipelineOverview {
    const { name, words } = this.pipeline;
    const { sources = [], orders = { open: 0, failed: 0, skipped: 0, delivered: 0 } } = this.#report ?? {};
    const oldest = sources.reduce<string | null>(
      (least, { oldestAt }) => (oldestAt !== null && (least === null || oldestAt < least) ? oldestAt : least),
      null,
    );
    const retention = this.#retention;
    return {
      name,
      words,
      waitingRecords: sources.reduce((sum, { waitingRecords }) => sum + waitingRecords, 0),
      oldestAgeSeconds: this.#ageOf(oldest),
      // Failures are read more often.
      orders: { ...orders, failed: this.#groups.reduce((sum, group) => sum + group.orders, 0) },
      stuckSources: this.#stuck.size,
      sources: this.rows.size,
      nearRetention: {
        records: retention?.records ?? 0,
        sources: retention?.sources ?? 0,
        firstEndsAt: retention?.deadline ?? null,
      },
      readAt: this.#readAt,
      lastDiscoveryAt,
    };
  }

  #makeRows(): ReadonlyMap<string, SourceRow> {
    const rows = new Map<string, SourceRow>();
    for (const figures of this.#report?.sources ?? []) rows.set(figures.source, this.#rowOf(figures));
    // A source may fail before it is known otherwise.
    for (const source of this.#stuck.keys())
      if (!rows.has(source)) rows.set(source, this.#rowOf(nothingOf(source)));
    return rows;
  }

  #rowOf(figures: SourceFigures): SourceRow {
    const { source, waitingRecords, oldestAt, lastDeliveredAt, targets: last, note = null } = figures;
    const { codes = [], targets: wanted = [] } = this.#stuck.get(source) ?? {};
    const failureCodes = [...codes];
    const targets = last.length > 0 ? last : [...wanted];
    const state = failureCodes.length > 0 ? 'stuck' : waitingRecords > 0 ? 'waiting' : 'delivered';
    return {
      ...{ source, state, waitingRecords, lastDeliveredAt, targets, failureCodes, note },
      oldestAgeSeconds: this.#ageOf(oldestAt),
    };
  }

  #ageOf(at: string | null): number | null {
    const now = this.sourceNow;
    return at === null || now === undefined ? null : Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  }
}

/** Names a group of failures: 16 hex digits that follow from its code and targets. */
export function groupId({ code, targets }: Pick<FailedGroup, 'code' | 'targets'>): string {
  return createHash('sha256')
    .update(JSON.stringify([code, ...targets]))
    .digest('hex')
    .slice(0, 16);
}

function viewOf(group: FailedGroup): FailureGroupView {
  const { sources } = group;
  return {
    ...group,
    id: groupId(group),
    sources: sources.slice(0, SOURCES_NAMED),
    sourceCount: sources.length,
  };
}

function nothingOf(source: string): SourceFigures {
  return { source, waitingRecords: 0, oldestAt: null, lastDeliveredAt: null, targets: [] };
}
