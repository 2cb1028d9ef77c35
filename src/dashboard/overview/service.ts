import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import type { Log } from '../../observability/log.js';
import { lastDiscoveryAt } from '../../queues/figures.js';
import { Pauses, type PauseParts } from '../../queues/pauses.js';
import { readReplicas } from '../../queues/replicas.js';
import type { Overview, Pause, Replica } from '../api/shapes.js';
import type { ReadinessOptions } from '../health.js';
import { HistoryKeeper } from '../history/keeper.js';
import { HistoryStore } from '../history/store.js';
import { inTime } from '../in-time.js';
import { Engines } from './engines.js';
import { headlineOf } from './headline.js';
import { PipelineFigures } from './pipeline-figures.js';
import { Refresh, type Refreshed } from './refresh.js';

/** What an overview is made of. */
export interface OverviewParts extends PauseParts {
  readonly version: string;
  readonly log: Log;
  readonly redis: Redis;
  /** How the engines are asked. */
  readonly engines: ReadinessOptions;
}

interface Events {
  /** Something in the overview may be another now. */
  readonly overview: [];
  /** The failures of a pipeline are others now. */
  readonly failures: [pipeline: string];
  /** Nothing is read any more. */
  readonly end: [];
}

/** How often each thing is read while somebody watches, and while nobody does; ms. */
const OFTEN = { watchedMs: 2000, unwatchedMs: 10_000 } as const;
const SELDOM = { watchedMs: 5000, unwatchedMs: 60_000 } as const;
const RARELY = { watchedMs: 60_000, unwatchedMs: 300_000 } as const;
/** What is kept for later is read whether anybody watches or not. */
const ALWAYS = { watchedMs: 12_000, unwatchedMs: 15_000 } as const;
/** Whoever asked within this time counts as watching, in ms. */
const WATCHED_FOR_MS = 30_000;
/** A Redis that is silent for this long is not waited for, in ms. */
const REDIS_PATIENCE_MS = 5000;
/** How long a change waits for what it is seen by, in ms. */
const CHANGE_PATIENCE_MS = 3000;
/** A discovery is missed when it is this many of its longest intervals late. */
const MISSED_INTERVALS = 3;
/** Time that a record may take beyond its thresholds until it is late, in seconds. */
const GRACE_SECONDS = 60;

/**
 * Knows how everything stands. What it answers comes from memory: it reads by itself, often while somebody watches and
 * seldom while nobody does, and what cannot be read stays as it was.
 */
export class OverviewService extends EventEmitter<Events> {
  readonly figures: ReadonlyMap<string, PipelineFigures>;
  readonly pauses: Pauses;
  /** The history of each pipeline, by name. */
  readonly histories: ReadonlyMap<string, HistoryKeeper>;
  readonly #parts: OverviewParts;
  readonly #engines: Engines;
  readonly #refreshes: readonly Refresh[];
  /** Those that are read every two seconds. */
  readonly #quick: readonly Refresh[];
  #watchers = 0;
  #askedAt = -Infinity;
  #replicas: readonly Replica[] = [];
  #paused: readonly Pause[] = [];
  #discoveredAt: ReadonlyMap<string, string | null> = new Map();

  constructor(parts: OverviewParts) {
    super();
    this.#parts = parts;
    this.pauses = new Pauses(parts);
    this.#engines = new Engines(parts.engines);
    this.figures = new Map(
      parts.deliveries.map(({ pipeline }) => [pipeline.name, new PipelineFigures(pipeline)]),
    );
    const all = [...this.figures.values()];
    const { redis, settings } = parts;
    this.histories = new Map(
      all.map((of) => {
        const { pipeline } = of;
        const store = new HistoryStore(redis, settings['redis.key-prefix'], pipeline.name);
        return [pipeline.name, new HistoryKeeper({ pipeline, store, backlog: () => of.backlog })];
      }),
    );
    this.#quick = [
      this.#refresh('the engines', OFTEN, () => this.#engines.read()),
      this.#refresh('what stands in Redis', OFTEN, () => this.#withRedis(() => this.#readRedis())),
      ...all.map((of) => this.#refresh('failures', OFTEN, (signal) => this.#readFailures(of, signal))),
    ];
    this.#refreshes = [
      ...this.#quick,
      ...all.flatMap((of) => [
        this.#refresh('sources', SELDOM, (signal) => of.readSources(signal)),
        this.#refresh('retention', RARELY, (signal) => of.readRetention(signal)),
      ]),
      ...[...this.histories.values()].map((history) =>
        this.#refresh('the history', ALWAYS, (signal) => this.#withRedis(() => history.read(signal))),
      ),
    ];
  }

  /** Begins to read. */
  start(): void {
    for (const refresh of this.#refreshes) refresh.start();
  }

  /** Ends. */
  async close(): Promise<void> {
    this.emit('end');
    await Promise.all(this.#refreshes.map((refresh) => refresh.close()));
  }

  /** Reads what a change is seen by, once it is made; what takes longer is read soon. Never rejects. */
  async changed(): Promise<void> {
    const quick = Promise.all(this.#quick.map((refresh) => refresh.now()));
    // An engine that is away must not hold up the answer.
    await inTime(quick, CHANGE_PATIENCE_MS).catch(() => undefined);
    this.#hurry();
  }

  /** Notes that somebody has asked: what is read for people is read more often. */
  asked(): void {
    const wasWatched = this.#isWatched();
    this.#askedAt = performance.now();
    if (!wasWatched) this.#hurry();
  }

  /**
   * Notes that somebody watches.
   *
   * @returns to be called when they do no longer
   */
  watch(): () => void {
    if (!this.#isWatched()) this.#hurry();
    this.#watchers += 1;
    let isWatching = true;
    return () => {
      if (isWatching) this.#watchers -= 1;
      isWatching = false;
    };
  }

  /** How everything stands at this moment. */
  overview(): Overview {
    const { settings, version } = this.#parts;
    const nowMs = Date.now();
    const pipelines = [...this.figures.values()].map((of) =>
      of.overview(this.#discoveredAt.get(of.pipeline.name) ?? null),
    );
    const engines = this.#engines.health;
    const longestInterval = settings['consumer.max-discovery-interval-seconds'];
    const headline = headlineOf({
      nowMs,
      engines,
      pauses: this.#paused,
      pipelines: pipelines.map((pipeline) => ({
        ...pipeline,
        failureCodes: this.figures.get(pipeline.name)?.failureCodes ?? [],
      })),
      lateAfterSeconds:
        Math.max(settings['consumer.time-threshold-seconds'], settings['consumer.processing-delay-seconds']) +
        longestInterval +
        GRACE_SECONDS,
      discoveryMissedAfterSeconds: longestInterval * MISSED_INTERVALS + GRACE_SECONDS,
    });
    return {
      at: new Date(nowMs).toISOString(),
      version,
      headline,
      pipelines,
      engines,
      replicas: this.#replicas,
      pauses: this.#paused,
    };
  }

  #isWatched(): boolean {
    return this.#watchers > 0 || performance.now() - this.#askedAt < WATCHED_FOR_MS;
  }

  #hurry(): void {
    for (const refresh of this.#refreshes) refresh.hurry();
  }

  #refresh(
    what: string,
    often: Pick<Refreshed, 'watchedMs' | 'unwatchedMs'>,
    read: (signal: AbortSignal) => Promise<void>,
  ): Refresh {
    return new Refresh({
      ...often,
      read: async (signal) => {
        await read(signal);
        this.emit('overview');
      },
      failed: (err) => {
        this.#parts.log.debug({ err, what }, 'dashboard: not read, the last figures stay');
      },
      isWatched: () => this.#isWatched(),
    });
  }

  async #readFailures(of: PipelineFigures, signal: AbortSignal): Promise<void> {
    if (!(await of.readFailures(signal))) return;
    this.emit('failures', of.pipeline.name);
    // What has failed, or fails no longer, waits or does not.
    for (const refresh of this.#refreshes) if (!this.#quick.includes(refresh)) refresh.hurry();
  }

  /** Commands wait for a Redis that is away; they must not pile up meanwhile. */
  async #withRedis(read: () => Promise<void>): Promise<void> {
    if (this.#parts.redis.status !== 'ready') throw new Error('Redis is away');
    await read();
  }

  async #readRedis(): Promise<void> {
    const { redis, settings } = this.#parts;
    const names = [...this.figures.keys()];
    const [replicas, paused, discovered] = await inTime(
      Promise.all([
        readReplicas(redis, settings),
        this.pauses.list(),
        Promise.all(names.map((name) => lastDiscoveryAt(redis, settings, name))),
      ]),
      REDIS_PATIENCE_MS,
    );
    this.#replicas = replicas;
    this.#paused = paused;
    this.#discoveredAt = new Map(names.map((name, position) => [name, discovered[position] ?? null]));
  }
}
