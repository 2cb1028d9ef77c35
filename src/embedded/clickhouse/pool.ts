import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { compiledFile } from '../compiled-file.js';
import { engineError, ownError, QUERY_WAS_CANCELLED } from './errors.js';
import type { FromWorker, ToWorker } from './messages.js';
import type { Statement, Summary } from './statement.js';

/** Worker threads that share one data directory; statements beyond their number wait in order. */
export class WorkerPool {
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  readonly #size: number;
  #drained: (() => void) | undefined;

  /**
   * @param directory data directory of the engine
   * @param size statements that run at the same time
   */
  constructor(directory: string, size: number) {
    this.#size = size;
    const file = compiledFile(import.meta.url, 'embedded/clickhouse/worker.js');
    for (let index = 0; index < size; index += 1) {
      const worker = new Worker(file, { workerData: { directory } });
      worker.on('error', (error) => {
        throw error;
      });
      this.#idle.push(worker);
    }
  }

  /**
   * Runs a statement and hands out the blocks of its result. The thread is free again when the engine
   * has ended the statement, which may be later than the reader's `return()`.
   *
   * @throws QueryError with the engine's text
   */
  async *run(statement: Statement, signal: AbortSignal): AsyncGenerator<Uint8Array, Summary> {
    const worker = await this.#acquire();
    if (signal.aborted) {
      this.#release(worker);
      throw ownError(
        QUERY_WAS_CANCELLED,
        'QUERY_WAS_CANCELLED',
        'The client went away before the query ran.',
      );
    }
    const messages = new Mailbox(worker, () => {
      this.#release(worker);
    });
    const cancel = (): void => {
      post(worker, { type: 'cancel' });
    };
    signal.addEventListener('abort', cancel, { once: true });
    post(worker, { type: 'run', statement });
    try {
      for (;;) {
        const message = await messages.next();
        if (message.type === 'failed') throw engineError(message.text);
        if (message.type === 'done') return message.summary;
        yield message.bytes;
        post(worker, { type: 'more' });
      }
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!messages.ended) cancel();
    }
  }

  /**
   * Ends the threads when no statement runs any more; none may be run after that. A thread that is ended while the
   * engine works for it aborts in the engine, and hangs there together with the process.
   */
  async close(): Promise<void> {
    if (this.#idle.length < this.#size) await new Promise<void>((resolve) => (this.#drained = resolve));
    await Promise.all(
      this.#idle.map(async (worker) => {
        post(worker, { type: 'close' });
        await once(worker, 'exit');
      }),
    );
  }

  async #acquire(): Promise<Worker> {
    return this.#idle.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(worker);
      return;
    }
    this.#idle.push(worker);
    if (this.#idle.length === this.#size) this.#drained?.();
  }
}

/** The messages of one statement in order, until the one that ends it. */
class Mailbox {
  readonly #messages: FromWorker[] = [];
  #arrived: (() => void) | undefined;
  /** True once the worker has ended the statement. */
  ended = false;

  constructor(worker: Worker, onEnd: () => void) {
    const receive = (message: FromWorker): void => {
      this.#messages.push(message);
      if (message.type !== 'block') {
        this.ended = true;
        worker.off('message', receive);
        onEnd();
      }
      this.#arrived?.();
    };
    worker.on('message', receive);
  }

  async next(): Promise<FromWorker> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}
