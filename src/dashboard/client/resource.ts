import { ApiError } from './api.js';

/** Something that is read again and again. */
export interface Loaded<Value> {
  /** What was read last; kept while it cannot be read again. */
  readonly value: Value | undefined;
  /** When it was read, in ms of this machine's clock. */
  readonly readAt: number | undefined;
  /** Why it could not be read the last time. */
  readonly error: string | undefined;
  /** Whether what is shown is for another question than the one that is being asked. */
  readonly isOutdated: boolean;
}

/** Reads something from the server whenever it is told to, one request at a time. */
export class Resource<Value> {
  #state: Loaded<Value> = { value: undefined, readAt: undefined, error: undefined, isOutdated: false };
  #running: AbortController | undefined;
  #again = false;

  /**
   * @param read asks the server
   * @param changed called whenever the state is another
   */
  constructor(
    private readonly read: (signal: AbortSignal) => Promise<Value>,
    private readonly changed: () => void,
  ) {}

  /** What is known at this moment. */
  get state(): Loaded<Value> {
    return this.#state;
  }

  /**
   * Reads again; while it is being read, once more afterwards.
   *
   * @param leastAgeMs what was read later than so long ago is good enough
   */
  refresh(leastAgeMs = 0): void {
    const { readAt = -Infinity, error } = this.#state;
    if (error === undefined && Date.now() - readAt < leastAgeMs) return;
    if (this.#running === undefined) void this.#run();
    else this.#again = true;
  }

  /** Reads the answer to another question, and forgets the one that is being asked. */
  restart(): void {
    this.#running?.abort();
    this.#again = false;
    this.#set({ isOutdated: true });
    void this.#run();
  }

  async #run(): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    let result: Partial<Loaded<Value>>;
    try {
      const value = await this.read(running.signal);
      result = { value, readAt: Date.now(), error: undefined, isOutdated: false };
    } catch (error) {
      result = { error: error instanceof ApiError ? error.message : String(error) };
    }
    if (running.signal.aborted) return;
    this.#running = undefined;
    this.#set(result);
    if (!this.#again) return;
    this.#again = false;
    void this.#run();
  }

  #set(part: Partial<Loaded<Value>>): void {
    this.#state = { ...this.#state, ...part };
    this.changed();
  }
}
