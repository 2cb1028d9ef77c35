import type { Log } from '../observability/log.js';
import { discoveryEngines } from '../pipelines/engine.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { PATIENCE_MS, waitFor } from './wait-for.js';

/** How pipelines are prepared. */
export interface PreparationOptions {
  /** See `PrepareOptions`. */
  readonly apply: boolean;
  /** Gives up when an engine does not come up, as a command does; a service has time. */
  readonly isImpatient: boolean;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/**
 * Prepares each pipeline as soon as the engines answer that it discovers with, and knows which are prepared. One whose
 * engine is away keeps the others from nothing.
 */
export class Preparation {
  readonly #prepared = new Set<string>();
  readonly #each: ReadonlyMap<string, Promise<void>>;

  constructor(pipelines: readonly Pipeline[], options: PreparationOptions) {
    this.#each = new Map(
      pipelines.map((pipeline) => [
        pipeline.name,
        prepare(pipeline, options).then(() => {
          this.#prepared.add(pipeline.name);
        }),
      ]),
    );
    // Whoever waits for it is told.
    for (const one of this.#each.values()) one.catch(() => undefined);
  }

  /** Whether a pipeline is prepared. */
  isDone({ name }: Pick<Pipeline, 'name'>): boolean {
    return this.#prepared.has(name);
  }

  /** Resolves when a pipeline is prepared; rejects when it cannot be. */
  async of({ name }: Pick<Pipeline, 'name'>): Promise<void> {
    await this.#each.get(name);
  }

  /** Resolves when one of the pipelines is prepared; rejects when one cannot be. */
  async first(): Promise<void> {
    await Promise.race(this.#each.values());
  }

  /** Resolves when all pipelines are prepared; rejects when one cannot be. */
  async all(): Promise<void> {
    await Promise.all(this.#each.values());
  }
}

/** Waits for the engines, and prepares; a service takes its time, also when one goes away in between. */
async function prepare(
  pipeline: Pipeline,
  { apply, isImpatient, log, stop }: PreparationOptions,
): Promise<void> {
  for (;;) {
    await waitFor(discoveryEngines([pipeline]), log, stop, isImpatient ? PATIENCE_MS : Infinity);
    try {
      await pipeline.prepare({ apply, signal: stop });
      return;
    } catch (error) {
      stop.throwIfAborted();
      const engine = pipeline.engineAwayOf(error);
      if (isImpatient || engine === undefined) throw error;
      log.warn({ err: error, engine }, 'the engine went away again; waiting for it');
    }
  }
}
