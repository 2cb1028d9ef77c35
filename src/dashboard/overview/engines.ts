import type { EngineHealth } from '../api/shapes.js';
import { ask, type EngineState, type ReadinessOptions } from '../health.js';

/** Remembers since when each engine has been there, or away. */
export class Engines {
  readonly #options: ReadinessOptions;
  readonly #health = new Map<string, EngineHealth>();

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** In the order in which they are asked; none before the first time. */
  get health(): readonly EngineHealth[] {
    return [...this.#health.values()];
  }

  /** Asks all of them, side by side. Never rejects. */
  async read(): Promise<void> {
    const states = await Promise.all(this.#options.checks.map((check) => ask(check, this.#options)));
    for (const state of states) this.#note(state);
  }

  #note({ engine, ok, ...state }: EngineState): void {
    const before = this.#health.get(engine);
    const since = before?.ok === ok ? before.since : new Date().toISOString();
    this.#health.set(engine, { engine, ok, error: state.error ?? null, since });
  }
}
