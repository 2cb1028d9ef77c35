import { createHash } from 'node:crypto';
import type { Pipeline } from '../../pipelines/pipeline.js';
import type { RetentionReport } from '../../pipelines/retention.js';
import type { FailedGroup, SourceFigures, SourcesReport } from '../../pipelines/views.js';
import type { FailureGroupView, PipelineOverview, SourceRow } from '../api/shapes.js';

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
  #codesOf: ReadonlyMap<string, readonly string[]> = new Map();
  #retention: RetentionReport | undefined;
  #rows: readonly SourceRow[] | undefined;

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

  /** Reads the failures. */
  async readFailures(signal: AbortSignal): Promise<void> {
    this.#groups = await this.pipeline.failures(signal);
    const codes = new Map<string, string[]>();
    for (const { code, sources } of this.#groups) {
      for (const source of sources) {
        const of = codes.get(source);
        if (of === undefined) codes.set(source, [code]);
        else if (!of.includes(code)) of.push(code);
      }
    }
    this.#codesOf = codes;
    this.#rows = undefined;
  }

  /** Reads what is near the end of its retention. */
  async readRetention(signal: AbortSignal): Promise<void> {
    this.#retention = await this.pipeline.nearRetention(signal);
  }

  /** The failures, most orders first. */
  get failures(): readonly FailureGroupView[] {
    return this.#groups.map((group) => ({
      id: groupId(group),
      code: group.code,
      reason: group.reason,
      targets: group.targets,
      since: group.since,
      orders: group.orders,
      records: group.records,
      sources: group.sources.slice(0, SOURCES_NAMED),
      sourceCount: group.sources.length,
      retentionEndsAt: group.retentionEndsAt,
    }));
  }

  /** The group of failures that an id names. */
  group(id: string): FailedGroup | undefined {
    return this.#groups.find((group) => groupId(group) === id);
  }

  /** Codes of the failures, the most frequent first. */
  get failureCodes(): readonly string[] {
    return [...new Set(this.#groups.map(({ code }) => code))];
  }

  /** Every source, as its row in the table; ages are as of the moment. */
  get rows(): readonly SourceRow[] {
    const known = this.#report?.sources ?? [];
    this.#rows ??= [
      ...known.map((figures) => this.#rowOf(figures)),
      // A source may fail before it is known otherwise.
      ...[...this.#codesOf.keys()]
        .filter((source) => !known.some((figures) => figures.source === source))
        .map((source) => this.#rowOf(nothingOf(source))),
    ];
    return this.#rows;
  }

  /** One source; undefined when nothing is known of it. */
  row(source: string): SourceRow | undefined {
    return this.rows.find((row) => row.source === source);
  }

  /** Ms since 1970 by the clock of the source, at this moment; undefined before the first reading. */
  get sourceNow(): number | undefined {
    if (this.#report === undefined) return undefined;
    return Date.parse(this.#report.at) + performance.now() - this.#reportedAt;
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
      stuckSources: this.#codesOf.size,
      sources: this.rows.length,
      nearRetention: {
        records: retention?.records ?? 0,
        sources: retention?.sources ?? 0,
        firstEndsAt: retention?.deadline ?? null,
      },
      readAt: this.#readAt,
      lastDiscoveryAt,
    };
  }

  #rowOf({ source, waitingRecords, oldestAt, lastDeliveredAt, targets }: SourceFigures): SourceRow {
    const failureCodes = this.#codesOf.get(source) ?? [];
    const state = failureCodes.length > 0 ? 'stuck' : waitingRecords > 0 ? 'waiting' : 'delivered';
    return {
      ...{ source, state, waitingRecords, lastDeliveredAt, targets, failureCodes },
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
  return createHash('sha256').update(JSON.stringify([code, ...targets])).digest('hex').slice(0, 16);
}

function nothingOf(source: string): SourceFigures {
  return { source, waitingRecords: 0, oldestAt: null, lastDeliveredAt: null, targets: [] };
}
