import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { runChild } from '../child-process.js';
import { lockDirectory } from '../../config/directory-lock.js';
import { listen } from '../listen.js';
import { optionalPackage } from '../optional-package.js';
import { WorkerPool } from './pool.js';
import { createHttpServer } from './server.js';

/** Statements that run at the same time. */
const POOL_SIZE = 12;
/** A predecessor that lost its parent needs a moment to end. */
const LOCK_PATIENCE_SECONDS = 10;

const optionsSchema = z.object({
  directory: z.string(),
  port: z.number(),
  midStreamError: z.enum(['break', 'append']),
});

/** The process of the embedded ClickHouse: the engine, and an HTTP server in front of it. */
runChild(async (value) => {
  const options = optionsSchema.parse(value);
  const directory = resolve(options.directory);
  const unlock = await lockDirectory(directory, LOCK_PATIENCE_SECONDS);
  const bodyDirectory = join(directory, 'bodies');
  const dataDirectory = join(directory, 'data');
  rmSync(bodyDirectory, { recursive: true, force: true });
  mkdirSync(bodyDirectory, { recursive: true });
  const { Session } = await optionalPackage('chdb', () => import('chdb'));
  // Held open for as long as the process lives: the engine shuts down with its last session.
  const session = new Session(dataDirectory);
  const pool = new WorkerPool(dataDirectory, POOL_SIZE);
  const server = createHttpServer({ pool, bodyDirectory, midStreamError: options.midStreamError });
  const port = await listen(server, options.port);
  return {
    port,
    pid: process.pid,
    stop: async () => {
      server.close();
      server.closeIdleConnections();
      await once(server, 'close');
      await pool.close();
      session.close();
      unlock();
    },
  };
});
