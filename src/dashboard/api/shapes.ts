/**
 * What the JSON API answers: the same to the pages and to programs. Times are ISO 8601 in UTC; ages and durations are
 * seconds. All of it is about pipelines in general; the words for what a pipeline has come with it.
 */
import type { FailedGroup } from '../../pipelines/views.js';
import type { PipelineWords } from '../../pipelines/words.js';

export type { Noun, PipelineWords } from '../../pipelines/words.js';

/** How good something is. */
export type Tone = 'good' | 'busy' | 'warning' | 'bad';

/** The state of everything in one sentence. */
export interface Headline {
  readonly tone: Tone;
  readonly text: string;
}

/** One pipeline in figures. */
export interface PipelineOverview {
  readonly name: string;
  readonly words: PipelineWords;
  /** Eligible records that are not delivered, ordered or not. */
  readonly waitingRecords: number;
  /** Age of the oldest of them; null when none waits. */
  readonly oldestAgeSeconds: number | null;
  readonly orders: {
    readonly open: number;
    readonly failed: number;
    readonly skipped: number;
    readonly delivered: number;
  };
  /** Sources of which an order failed. */
  readonly stuckSources: number;
  readonly sources: number;
  readonly nearRetention: {
    readonly records: number;
    readonly sources: number;
    readonly firstEndsAt: string | null;
  };
  /** When the figures were read; null while they have not been read yet. */
  readonly readAt: string | null;
  /** When the last discovery ended; null when none is known. */
  readonly lastDiscoveryAt: string | null;
}

/** One engine. */
export interface EngineHealth {
  readonly engine: string;
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly error: string | null;
  /** Since when it has been so, as far as this dashboard knows. */
  readonly since: string;
}

/** One process that was seen lately. */
export interface Replica {
  /** Host and process. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly version: string;
  readonly startedAt: string;
  readonly seenAt: string;
  readonly ordersInFlight: number;
}

/** What somebody holds up. */
export interface Pause {
  readonly what: 'discovery' | 'delivery';
  /** null: of all pipelines. */
  readonly pipeline: string | null;
  readonly by: string;
  readonly at: string;
}

/** `GET /api/overview`, and the `overview` event of `GET /api/events`. */
export interface Overview {
  readonly at: string;
  readonly version: string;
  readonly headline: Headline;
  readonly pipelines: readonly PipelineOverview[];
  readonly engines: readonly EngineHealth[];
  readonly replicas: readonly Replica[];
  readonly pauses: readonly Pause[];
}

/** `GET /api/me`: who asks, and what they may do. */
export interface Me {
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  /** To be sent as `X-CSRF-Token` with each change. */
  readonly csrfToken: string;
}

/** One step of a history. A figure is null where nothing is known, or there was nothing to take it of. */
export interface HistoryPoint {
  readonly at: string;
  readonly records: number | null;
  readonly objects: number | null;
  /** Orders that failed for good in this step. */
  readonly failures: number | null;
  /** From the oldest record of an order to its delivery. */
  readonly lagP50Seconds: number | null;
  readonly lagP99Seconds: number | null;
  /** Records that waited. */
  readonly backlogRecords: number | null;
}

/** `GET /api/history?pipeline=NAME&span=hour|day`. */
export interface History {
  readonly pipeline: string;
  readonly span: 'hour' | 'day';
  readonly stepSeconds: number;
  /** Oldest first, without a gap. */
  readonly points: readonly HistoryPoint[];
}

/** How a source stands: an order failed; records wait; all is delivered. */
export type SourceState = 'stuck' | 'waiting' | 'delivered';

/** One source in the table. */
export interface SourceRow {
  readonly source: string;
  readonly state: SourceState;
  readonly waitingRecords: number;
  readonly oldestAgeSeconds: number | null;
  readonly lastDeliveredAt: string | null;
  /** Where its records went last, or are to go. */
  readonly targets: readonly string[];
  /** Why it is stuck, by the codes of its failures. */
  readonly failureCodes: readonly string[];
  /** What holds it up without being a failure, in a sentence; null when nothing does. */
  readonly note: string | null;
}

/** What the table of sources can be sorted by. */
export type SourceSort = 'source' | 'state' | 'waitingRecords' | 'oldestAgeSeconds' | 'lastDeliveredAt';

/** `GET /api/sources?pipeline=NAME&search=TEXT&state=…&sort=…&direction=asc|desc&page=1&pageSize=50`. */
export interface SourcePage {
  readonly pipeline: string;
  readonly page: number;
  readonly pageSize: number;
  /** Sources that fit the search, on all pages. */
  readonly total: number;
  readonly rows: readonly SourceRow[];
}

/** Failed orders with the same code and targets; of its sources, the first by name. */
export interface FailureGroupView extends FailedGroup {
  /** Names the group in `POST /api/retry` and `POST /api/skip`. */
  readonly id: string;
  /** All of its sources. */
  readonly sourceCount: number;
}

/** `GET /api/failures?pipeline=NAME`. */
export interface Failures {
  readonly pipeline: string;
  readonly groups: readonly FailureGroupView[];
}

/** One object of an order. */
export interface ObjectView {
  /** Position in its order, for `GET /api/object-head`. */
  readonly index: number;
  readonly place: string;
  readonly key: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** One order in the timeline of a source. */
export interface OrderView {
  readonly id: string;
  readonly state: 'open' | 'failed' | 'skipped' | 'delivered';
  readonly orderedAt: string;
  /** When its state changed last. */
  readonly updatedAt: string;
  readonly records: number;
  readonly deliveredRecords: number;
  /** When its oldest record came in. */
  readonly oldestAt: string;
  readonly failure: { readonly code: string; readonly reason: string } | null;
  readonly skip: {
    readonly by: string;
    readonly reason: string;
    readonly records: number;
    readonly at: string;
  } | null;
  readonly objects: readonly ObjectView[];
  /** Its job on the board, below the dashboard's base path. */
  readonly jobPath: string;
}

/** `GET /api/source?pipeline=NAME&source=NAME&page=1`: where are my logs? */
export interface SourceDetail extends SourceRow {
  readonly pipeline: string;
  /** Every record that came in before is delivered, or was given up; null when nothing is delivered yet. */
  readonly completeUpTo: string | null;
  readonly retentionEndsAt: string | null;
  readonly page: number;
  readonly pageSize: number;
  readonly totalOrders: number;
  /** Newest first. */
  readonly orders: readonly OrderView[];
}

/** `GET /api/object-head?pipeline=NAME&source=NAME&order=ID&index=0` (operators only). */
export interface ObjectHead {
  readonly place: string;
  readonly key: string;
  /** The first lines, as text. */
  readonly text: string;
  readonly truncated: boolean;
}

/** Which failed orders a change is about: exactly one of group, source, order, or all. */
export interface Selection {
  readonly pipeline: string;
  readonly group?: string | undefined;
  readonly source?: string | undefined;
  readonly order?: string | undefined;
  readonly all?: true | undefined;
}

/** Answer to `POST /api/retry` and `POST /api/skip` (a skip takes `reason` too, and no `all`). */
export interface Changed {
  readonly orders: number;
  readonly records: number;
  /** One sentence for the person who asked. */
  readonly message: string;
}

/** Body of `POST /api/pause` and `POST /api/resume`, which answer with {@link Overview.pauses}. */
export interface PauseRequest {
  readonly what: 'discovery' | 'delivery';
  readonly pipeline?: string | undefined;
}

/** Who changed what; `GET /api/changes` answers the last ones, newest first. */
export interface Change {
  readonly at: string;
  readonly by: string;
  /** "retry", "skip", "pause", … and the board's own. */
  readonly action: string;
  /** What it was about, in words. */
  readonly about: string;
  readonly outcome: string;
}
