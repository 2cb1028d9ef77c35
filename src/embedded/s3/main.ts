import { once } from 'node:events';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { runChild } from '../child-process.js';
import { lockDirectory } from '../directory-lock.js';
import { listen } from '../listen.js';
import { optionalPackage } from '../optional-package.js';
import { OBJECTS } from '../s3.js';

/** A predecessor that lost its parent needs a moment to end. */
const LOCK_PATIENCE_SECONDS = 10;

const optionsSchema = z.object({ directory: z.string(), port: z.number() });

/** The process of the embedded S3. */
runChild(async (value) => {
  const options = optionsSchema.parse(value);
  const directory = resolve(options.directory);
  const unlock = await lockDirectory(directory, LOCK_PATIENCE_SECONDS);
  const { default: S3rver } = await optionalPackage('s3rver', () => import('s3rver'));
  const s3 = new S3rver({ directory: join(directory, OBJECTS), silent: true, vhostBuckets: false });
  const server = createServer(s3.callback());
  const port = await listen(server, options.port);
  return {
    port,
    pid: process.pid,
    stop: async () => {
      server.close();
      server.closeIdleConnections();
      await once(server, 'close');
      unlock();
    },
  };
});
