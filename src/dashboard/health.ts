import type { Metrics } from '../observability/metrics.js';
import type { Route } from './route.js';

/** How one engine is asked whether it is there. */
export interface HealthCheck {
  /** Names the engine in answers and metrics. */
  readonly engine: 'redis' | 'clickhouse' | 's3' | (string & {});
  /** Resolves when the engine answers and rejects when it does not. May give up when the signal aborts. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/** What one engine had to say. */
export interface EngineState {
  readonly engine: string;
  readonly ok: boolean;
  /** Why it is not ok, fit to be shown to strangers. */
  readonly error?: string;
}

/** Whether the process can do its work: every engine answers. */
export interface Readiness {
  readonly ready: boolean;
  readonly engines: readonly EngineState[];
}

/** What the readiness of a process is found out with. */
export interface ReadinessOptions {
  readonly checks: readonly HealthCheck[];
  /** An engine that is silent for this long, in milliseconds, counts as away. */
  readonly timeoutMs: number;
  readonly metrics: Metrics;
  /** Takes secrets out of an error's message. */
  readonly hideSecrets: (message: string) => string;
}

/** Asks all engines side by side, and notes their states in `engine_up`. Never rejects. */
export async function readiness(options: ReadinessOptions): Promise<Readiness> {
  const engines = await Promise.all(options.checks.map((check) => ask(check, options)));
  for (const { engine, ok } of engines) options.metrics.engineUp.set({ engine }, ok ? 1 : 0);
  return { ready: engines.every(({ ok }) => ok), engines };
}

/** Probes, open to everyone. */
export function probeRoutes(options: ReadinessOptions): readonly Route[] {
  const current = sharedWhileRunning(() => readiness(options));
  return [
    {
      method: 'get',
      path: '/healthz',
      role: 'anyone',
      does: 'The process lives',
      handler: (_request, response) => {
        response.json({ status: 'alive' });
      },
    },
    {
      method: 'get',
      path: '/readyz',
      role: 'anyone',
      does: 'Its engines answer: 200, else 503, with what each has to say',
      handler: async (_request, response) => {
        const state = await current();
        response.status(state.ready ? 200 : 503).json(state);
      },
    },
  ];
}

/**
 * Asks one engine; silence for `timeoutMs` milliseconds is a failure.
 *
 * @throws whatever is wrong with the engine
 */
export async function askEngine({ check }: HealthCheck, timeoutMs: number): Promise<void> {
  const aborter = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeoutMs} ms`);
      reject(error);
      aborter.abort(error);
    }, timeoutMs);
    // A process that is told to stop does not stay for an engine that is silent.
    timer.unref();
  });
  try {
    await Promise.race([check(aborter.signal), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks one engine and says what it had to say. Never rejects. */
export async function ask(health: HealthCheck, options: ReadinessOptions): Promise<EngineState> {
  const { engine } = health;
  try {
    await askEngine(health, options.timeoutMs);
    return { engine, ok: true };
  } catch (error) {
    return { engine, ok: false, error: shown(error, options) };
  }
}

const LONGEST_MESSAGE = 300;

function shown(error: unknown, { hideSecrets }: ReadinessOptions): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return hideSecrets(message).slice(0, LONGEST_MESSAGE);
}

/** Probes are open to everyone: those that come while the engines are being asked share one answer. */
function sharedWhileRunning<Answer>(run: () => Promise<Answer>): () => Promise<Answer> {
  let running: Promise<Answer> | undefined;
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}
