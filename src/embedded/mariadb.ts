import { compiledFile } from './compiled-file.js';
import { startEngine, type Engine, type EngineOptions } from './engine.js';

/** How to start the embedded MariaDB. */
export interface MariaDbOptions extends EngineOptions {
  /**
   * Whether a commit is on disk before it is answered. Without, one that is answered outlives the death of the server,
   * but not that of the machine. Default: true.
   */
  readonly isDurable?: boolean;
}

/** The user of the embedded MariaDB, who may do everything and has no password: it listens on 127.0.0.1 alone. */
export const MARIADB_USER = 'root';

/**
 * Starts the mariadbd of this machine on 127.0.0.1, with a data directory of its own: made when it is empty, and used
 * again when it is not. It reads no option files, and keeps little in memory.
 *
 * @throws EngineMissingError when MariaDB is not installed, EngineStartError when it does not start
 */
export async function startMariaDb(options: MariaDbOptions): Promise<Engine> {
  const { dir, port = 0, isDurable = true, signal } = options;
  return startEngine({
    name: 'mariadb',
    file: compiledFile(import.meta.url, 'embedded/mariadb/main.js'),
    dir,
    options: { directory: dir, port, isDurable },
    urlScheme: 'mysql',
    signal,
  });
}
