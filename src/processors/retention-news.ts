import type { ExpiringRecords, RetentionReport } from '../pipelines/retention.js';

/** Why some of a source's records are undelivered. */
export type Why = Pick<ExpiringRecords, 'state' | 'code' | 'records'>;

/** What is to be told of one source. */
export interface SourceWarning {
  readonly source: string;
  readonly records: number;
  /** When the first of them may be lost, ISO 8601. */
  readonly deadline: string;
  readonly why: readonly Why[];
}

/** What is new since the last look. */
export interface RetentionNews {
  /** Sources to warn of, the nearest deadline first. */
  readonly warn: readonly SourceWarning[];
  /** Sources that were warned of and have nothing near its end any more. */
  readonly left: readonly string[];
}

/** A source is warned of again after this time, in ms. */
const WARN_AGAIN_MS = 3_600_000;

/**
 * Decides what to tell: a source when it is new, and again after an hour; and that a source has left. None leaves as
 * long as the report does not have all.
 *
 * @param warnedAt when each source was warned of, ISO 8601
 */
export function retentionNews(
  report: Pick<RetentionReport, 'at' | 'expiring' | 'complete'>,
  warnedAt: Readonly<Record<string, string>>,
): RetentionNews {
  const sources = bySource(report.expiring);
  const known = new Map(Object.entries(warnedAt));
  const isDue = (source: string): boolean => {
    const before = known.get(source);
    return before === undefined || Date.parse(report.at) - Date.parse(before) >= WARN_AGAIN_MS;
  };
  return {
    warn: [...sources.values()].filter(({ source }) => isDue(source)),
    left: report.complete ? [...known.keys()].filter((source) => !sources.has(source)) : [],
  };
}

function bySource(expiring: readonly ExpiringRecords[]): ReadonlyMap<string, SourceWarning> {
  const sources = new Map<string, SourceWarning>();
  for (const { source, records, deadline, state, code } of expiring) {
    const before = sources.get(source) ?? { source, records: 0, deadline, why: [] };
    sources.set(source, {
      source,
      records: before.records + records,
      deadline: before.deadline < deadline ? before.deadline : deadline,
      why: [...before.why, { state, code, records }],
    });
  }
  return sources;
}

/** What an operator can do about undelivered records. */
export function adviceFor(source: string, { state, code }: Why): string {
  switch (state) {
    case 'not ordered':
      return 'discovery has not ordered them: see that a process with the discovery role runs, and raise consumer.max-buckets-per-discovery or queue.max-outstanding-orders when it cannot keep up';
    case 'open':
      return 'they wait for a processor: see that processes with the processors role run, and start more of them';
    case 'failed':
      return `their orders failed with ${code}: log-courier status says why; mend it, then log-courier retry --bucket ${source}`;
  }
}
