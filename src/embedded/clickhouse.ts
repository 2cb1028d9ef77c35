import { compiledFile } from './compiled-file.js';
import { startEngine, type Engine, type EngineOptions } from './engine.js';

/** How to start the embedded ClickHouse. */
export interface ClickHouseOptions extends EngineOptions {
  /**
   * How an error ends an answer that has already begun. `break` (the default): as ClickHouse since 25.11,
   * a tagged block and then a broken connection. `append`: as old releases, the bare text at the end of a
   * body that ends as if all were well.
   */
  readonly midStreamError?: 'break' | 'append';
}

/**
 * Answers pass as bytes outside of V8's heap, of which little lives. V8 lets a heap that hardly grows have a tenth more,
 * counts what lies outside in, and looks through all of it every few answers.
 */
const NODE_FLAGS = ['--heap-growing-percent=200'];

/** Threads for the engine's calls; each statement that runs holds one. */
const THREADS = 32;

/**
 * Starts ClickHouse: the real engine (chdb) in a process of its own, behind ClickHouse's HTTP interface.
 *
 * @throws EngineMissingError when chdb is not installed, EngineStartError when the engine does not start
 */
export async function startClickHouse(options: ClickHouseOptions): Promise<Engine> {
  return startEngine({
    name: 'clickhouse',
    file: compiledFile(import.meta.url, 'embedded/clickhouse/main.js'),
    dir: options.dir,
    options: {
      directory: options.dir,
      port: options.port ?? 0,
      midStreamError: options.midStreamError ?? 'break',
    },
    urlScheme: 'http',
    nodeFlags: NODE_FLAGS,
    environment: { UV_THREADPOOL_SIZE: String(THREADS) },
    signal: options.signal,
  });
}
