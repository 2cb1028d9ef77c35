import { compiledFile } from './compiled-file.js';
import { startEngine, type Engine, type EngineOptions } from './engine.js';

/**
 * Starts the redis-server of this machine on 127.0.0.1, with an append-only file in its directory.
 *
 * @throws EngineMissingError when redis-server is not installed, EngineStartError when it does not start
 */
export async function startRedis(options: EngineOptions): Promise<Engine> {
  return startEngine({
    name: 'redis',
    file: compiledFile(import.meta.url, 'embedded/redis/main.js'),
    dir: options.dir,
    options: { directory: options.dir, port: options.port ?? 0 },
    urlScheme: 'redis',
    signal: options.signal,
  });
}
