import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { askEngine, type HealthCheck } from '../dashboard/health.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import type { Outages } from '../processors/outages.js';
import {
  afterReply,
  ANSWERING,
  hasFailedSince,
  replyOf,
  type EngineCondition,
  type Reply,
} from './engine-condition.js';

/** What a watch works with. */
export interface EngineWatchParts {
  readonly checks: readonly HealthCheck[];
  readonly metrics: Metrics;
  readonly log: Log;
  /** Time between two questions to an engine that answers; ms. */
  readonly intervalMs?: number;
  /** And to one that does not; ms. */
  readonly intervalAwayMs?: number;
  /** Silence for this long is a failure; ms. */
  readonly timeoutMs?: number;
}

interface Events {
  /** An engine was asked; its condition may be another now, or the same. */
  readonly asked: [engine: string];
  readonly away: [engine: string];
  readonly back: [engine: string];
}

interface Watched {
  readonly check: HealthCheck;
  condition: EngineCondition;
  asking: Promise<void> | undefined;
}

const INTERVAL_MS = 5000;
const INTERVAL_AWAY_MS = 1000;
const TIMEOUT_MS = 5000;

/**
 * Asks every engine again and again, from its making to {@link EngineWatch.stop}, and says in the log and the metrics
 * when one goes away and when it is back: once for each change, however often it is asked.
 */
export class EngineWatch extends EventEmitter<Events> implements Outages {
  readonly #parts: Required<EngineWatchParts>;
  readonly #engines: ReadonlyMap<string, Watched>;
  readonly #stopped = new AbortController();

  constructor(parts: EngineWatchParts) {
    super();
    this.#parts = {
      intervalMs: INTERVAL_MS,
      intervalAwayMs: INTERVAL_AWAY_MS,
      timeoutMs: TIMEOUT_MS,
      ...parts,
    };
    this.#engines = new Map(
      parts.checks.map((check) => [check.engine, { check, condition: ANSWERING, asking: undefined }]),
    );
    for (const [engine, watched] of this.#engines) {
      parts.metrics.engineOutages.inc({ engine }, 0);
      void this.#follow(watched);
    }
  }

  /** Tells whether work that needs an engine had better wait: it is away, by the word of the network. */
  isLost(engine: string): boolean {
    const { away, lost } = this.#conditionOf(engine);
    return away && lost;
  }

  /** See {@link Outages.wasAway}; an engine that is not watched was never away. */
  async wasAway(engine: string, since: number): Promise<boolean> {
    await this.#askAnew(engine);
    return hasFailedSince(this.#conditionOf(engine), since);
  }

  /** Resolves when an engine is away, now or later; it is asked at once. Never, after the stop. */
  async whenAway(engine: string): Promise<void> {
    const away = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#conditionOf(engine).away) return;
        this.off('asked', look);
        resolve();
      };
      this.on('asked', look);
      look();
    });
    void this.#askAnew(engine);
    await away;
  }

  /** Asks no more. */
  stop(): void {
    this.#stopped.abort();
  }

  #conditionOf(engine: string): EngineCondition {
    return this.#engines.get(engine)?.condition ?? ANSWERING;
  }

  async #follow(watched: Watched): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#ask(watched);
      const { intervalMs, intervalAwayMs } = this.#parts;
      const interval = watched.condition.failures === 0 ? intervalMs : intervalAwayMs;
      await sleep(interval, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** An answer that is under way may have been given before the engine went away: only one begun now counts. */
  async #askAnew(engine: string): Promise<void> {
    const watched = this.#engines.get(engine);
    if (watched === undefined) return;
    await watched.asking;
    await this.#ask(watched);
  }

  /** Those who ask while the engine is being asked share the answer. */
  #ask(watched: Watched): Promise<void> {
    watched.asking ??= this.#askNow(watched).finally(() => {
      watched.asking = undefined;
    });
    return watched.asking;
  }

  async #askNow(watched: Watched): Promise<void> {
    try {
      await askEngine(watched.check, this.#parts.timeoutMs);
      this.#note(watched, 'answer');
    } catch (error) {
      this.#note(watched, replyOf(error), error);
    }
  }

  #note(watched: Watched, reply: Reply, err?: unknown): void {
    // A process that ends closes its connections: that is no news of the engine.
    if (this.#stopped.signal.aborted) return;
    const { metrics, log } = this.#parts;
    const { engine } = watched.check;
    const before = watched.condition;
    const now = performance.now();
    const after = afterReply(before, reply, now);
    watched.condition = after;
    metrics.engineUp.set({ engine }, reply === 'answer' ? 1 : 0);
    metrics.engineAwaySeconds.set({ engine }, after.away ? seconds(now - after.failingSince) : 0);
    if (after.away && !before.away) {
      metrics.engineOutages.inc({ engine });
      log.warn({ err, engine }, 'the engine is away; what needs it waits');
      this.emit('away', engine);
    }
    if (before.away && !after.away) {
      log.info({ engine, awaySeconds: seconds(now - before.failingSince) }, 'the engine is back');
      this.emit('back', engine);
    }
    this.emit('asked', engine);
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
