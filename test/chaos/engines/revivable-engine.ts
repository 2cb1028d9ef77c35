import { mkdir, rm } from 'node:fs/promises';
import type { Engine, EngineOptions } from '../../../src/embedded/engine.js';
import type { EventLog } from '../event-log.js';
import { Exclusive } from '../exclusive.js';
import type { ProcessBook } from '../processes.js';

const START_ATTEMPTS = 5;

/** How an engine is started, again and again. */
export interface EngineStart {
  readonly start: (options: EngineOptions) => Promise<Engine>;
  readonly dir: string;
  /** The engine comes back here after each kill. */
  readonly port: number;
}

/** What an outage is to look like. */
export interface Outage {
  /** Awaited between the kill and the restart. */
  readonly wait: () => Promise<void>;
  /** Whether the data directory is emptied meanwhile. */
  readonly wipe?: boolean;
}

/** An engine that is killed and comes back on the same port. */
export class RevivableEngine {
  readonly #turn = new Exclusive();
  #engine: Engine | undefined;

  constructor(
    readonly name: string,
    readonly how: EngineStart,
    readonly processes: ProcessBook,
    readonly events: EventLog,
  ) {}

  get isUp(): boolean {
    return this.#engine !== undefined;
  }

  /** Kills it with SIGKILL and starts it again. Two outages never overlap. */
  async outage({ wait, wipe = false }: Outage): Promise<void> {
    await this.#turn.run(async () => {
      const engine = this.#forget();
      await engine?.kill();
      await wait();
      if (wipe) {
        await rm(this.how.dir, { recursive: true, force: true });
        await mkdir(this.how.dir, { recursive: true });
      }
      await this.#start();
    });
  }

  async start(): Promise<void> {
    await this.#turn.run(() => this.#start());
  }

  /** Ends it in order, when it runs. */
  async stop(): Promise<void> {
    await this.#turn.run(async () => {
      const engine = this.#forget();
      await engine?.stop();
    });
  }

  /** Runs a task while the engine is up and no outage is under way. */
  async whileUp(task: () => Promise<void>): Promise<void> {
    await this.#turn.run(task);
  }

  /** From now on its end is no surprise. */
  #forget(): Engine | undefined {
    const engine = this.#engine;
    this.#engine = undefined;
    return engine;
  }

  /** The port may be held for a moment by what the dead engine left. */
  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const engine = await this.how.start({ dir: this.how.dir, port: this.how.port });
        this.#engine = engine;
        this.processes.add(engine.pid);
        this.events.note('engine up', { engine: this.name, pid: engine.pid });
        this.#watch(engine);
        return;
      } catch (error) {
        this.events.note('engine did not start', { engine: this.name, attempt, error: String(error) });
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  /** One that ends by itself is started again; the event log tells, since it is no fault of the plan. */
  #watch(engine: Engine): void {
    void engine.exited.then(({ code, signal }) => {
      const unasked = this.#engine === engine;
      this.events.note('engine ended', { engine: this.name, pid: engine.pid, code, signal, unasked });
      if (!unasked) return;
      this.#engine = undefined;
      this.start().catch(() => undefined);
    });
  }
}
