import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { z } from 'zod';
import { runChild } from '../child-process.js';
import { lockDirectory } from '../directory-lock.js';
import { freePort } from '../listen.js';
import { PortTakenError, startRedisServer } from './server.js';

/** A predecessor that lost its parent needs a moment to end. */
const LOCK_PATIENCE_SECONDS = 10;
const PORT_ATTEMPTS = 10;

const optionsSchema = z.object({ directory: z.string(), port: z.number() });

/**
 * The guardian of redis-server, which knows nothing of parents: it ends the server when the parent is
 * gone, and ends as the server ended.
 */
runChild(async (value) => {
  const options = optionsSchema.parse(value);
  const directory = resolve(options.directory);
  const unlock = await lockDirectory(directory, LOCK_PATIENCE_SECONDS);
  const { server, port } = await startOnPort(directory, options.port);
  let stopping = false;
  server.once('exit', (code, signal) => {
    unlock();
    if (stopping) return;
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
  return {
    port,
    pid: server.pid,
    stop: async () => {
      stopping = true;
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
    },
  };
});

/** redis-server cannot say which port it got, so a free one is chosen for it, again when it is taken meanwhile. */
async function startOnPort(
  directory: string,
  wanted: number,
): Promise<{ server: ChildProcess & { pid: number }; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await freePort() : wanted;
    try {
      return { server: await startRedisServer(directory, port), port };
    } catch (error) {
      if (!(error instanceof PortTakenError) || wanted !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
