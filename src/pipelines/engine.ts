/** An engine that a pipeline works with, beside Redis. */
export interface PipelineEngine {
  /** Names it in answers, metrics and the log. Pipelines that share an engine call it the same. */
  readonly engine: string;
  /** What to tell somebody who asked for something that it had to answer: who is silent, and what to do. */
  readonly advice: string;
  /** Resolves when the engine answers and rejects when it does not. May give up when the signal aborts. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/** Without which engines a pipeline can do nothing, by name. */
export interface EngineNeeds {
  /** To discover, and for what is done at regular intervals beside it. */
  readonly discovery: readonly string[];
  /** To deliver. */
  readonly delivery: readonly string[];
}

interface WithEngines {
  readonly engines: readonly PipelineEngine[];
  readonly needs: EngineNeeds;
}

/** The engines of several pipelines, each once, in the order in which they are named first. */
export function enginesOf(pipelines: readonly Pick<WithEngines, 'engines'>[]): readonly PipelineEngine[] {
  const byName = new Map<string, PipelineEngine>();
  for (const { engines } of pipelines)
    for (const engine of engines) if (!byName.has(engine.engine)) byName.set(engine.engine, engine);
  return [...byName.values()];
}

/** Those without which at least one of the pipelines can discover nothing. */
export function discoveryEngines(pipelines: readonly WithEngines[]): readonly PipelineEngine[] {
  const needed = new Set(pipelines.flatMap(({ needs }) => needs.discovery));
  return enginesOf(pipelines).filter(({ engine }) => needed.has(engine));
}
