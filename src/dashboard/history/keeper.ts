import type { PipelineViews } from '../../pipelines/views.js';
import type { History } from '../api/shapes.js';
import { historyPoints, missingStretch, togetherWith, UNSETTLED_MINUTES, type Stretch } from './series.js';
import { KEPT_MINUTES, MINUTE_MS, type HistoryStore, type KeptMinute, type MinuteCounts } from './store.js';

/** What a history is kept with. */
export interface HistoryParts {
  readonly pipeline: Pick<PipelineViews, 'figures'> & { readonly name: string };
  readonly store: HistoryStore;
  /** Records that wait at this moment; undefined when that is not known, or has not been read lately. */
  readonly backlog: () => number | undefined;
}

/** How long whoever has the turn keeps it, in ms: others need not ask the order book for the same. */
const TURN_MS = 10_000;
/** How long one run may go on filling gaps, in ms. */
const FILL_MS = 2000;

const NOTHING: MinuteCounts = {
  records: 0,
  objects: 0,
  failures: 0,
  lagP50Seconds: null,
  lagP99Seconds: null,
};

/**
 * Keeps the history of a pipeline in Redis, and what is there in memory. Any dashboard does so: whoever has the turn
 * asks the order book for the minutes that have ended since, and for those that are missing, as far as it goes back.
 */
export class HistoryKeeper {
  readonly #parts: HistoryParts;
  #minutes: ReadonlyMap<number, KeptMinute> = new Map();

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** The history up to the last minute that has ended. */
  history(span: History['span']): History {
    return {
      pipeline: this.#parts.pipeline.name,
      span,
      stepSeconds: MINUTE_MS / 1000,
      points: historyPoints(this.#minutes, span, Date.now()),
    };
  }

  /** Writes down what is new, when it is this dashboard's turn, and reads what is kept. */
  async read(signal: AbortSignal): Promise<void> {
    const { store, backlog } = this.#parts;
    const current = Math.floor(Date.now() / MINUTE_MS);
    const oldest = current - KEPT_MINUTES;
    if (await store.takeTurn(TURN_MS)) {
      const waiting = backlog();
      if (waiting !== undefined) await store.writeBacklog(current, waiting);
      await this.#ask(await store.read(oldest), { from: current - UNSETTLED_MINUTES, to: current }, signal);
      await this.#fill(current, oldest, signal);
    }
    this.#minutes = await store.read(oldest);
  }

  async #fill(current: number, oldest: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + FILL_MS;
    while (performance.now() < until) {
      const kept = await this.#parts.store.read(oldest);
      const stretch = missingStretch(kept, current, oldest);
      if (stretch === undefined || this.#parts.pipeline.figures === undefined) return;
      await this.#ask(kept, stretch, signal);
    }
  }

  /** Asks the order book for a stretch and keeps what it says. */
  async #ask(
    kept: ReadonlyMap<number, KeptMinute>,
    { from, to }: Stretch,
    signal: AbortSignal,
  ): Promise<void> {
    const { pipeline, store } = this.#parts;
    const said = await pipeline.figures?.(from * MINUTE_MS, to * MINUTE_MS, signal);
    if (said === undefined) return;
    const counts = new Map<number, MinuteCounts>();
    for (let minute = from; minute < to; minute += 1)
      counts.set(minute, togetherWith(kept.get(minute)?.figures, NOTHING));
    for (const { at, ...figures } of said) {
      const minute = Date.parse(at) / MINUTE_MS;
      counts.set(minute, togetherWith(kept.get(minute)?.figures, figures));
    }
    await store.writeFigures(counts);
  }
}
