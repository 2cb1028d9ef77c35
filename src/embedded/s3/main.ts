import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { runChild } from '../child-process.js';
import { lockDirectory } from '../../config/directory-lock.js';
import { listen } from '../listen.js';
import { OBJECTS, S3_CREDENTIALS } from '../s3.js';
import { createS3Server } from './server.js';
import { layoutOf } from './store/layout.js';
import { ObjectStore } from './store/object-store.js';
import { Uploads } from './store/uploads.js';

/** A predecessor that lost its parent needs a moment to end. */
const LOCK_PATIENCE_SECONDS = 10;

const optionsSchema = z.object({
  directory: z.string(),
  port: z.number(),
  conditionalWrites: z.boolean(),
  journal: z.boolean(),
  minPartBytes: z.number(),
});

/** The process of the embedded S3. */
runChild(async (value) => {
  const options = optionsSchema.parse(value);
  const directory = resolve(options.directory);
  const unlock = await lockDirectory(directory, LOCK_PATIENCE_SECONDS);
  const layout = layoutOf(directory, OBJECTS);
  rmSync(layout.incoming, { recursive: true, force: true });
  for (const folder of [layout.objects, layout.heads, layout.uploads, layout.incoming])
    mkdirSync(folder, { recursive: true });
  const objects = new ObjectStore(layout, options);
  const uploads = new Uploads(layout, objects, options.minPartBytes);
  const server = createS3Server({ stores: { layout, objects, uploads }, credentials: S3_CREDENTIALS });
  const port = await listen(server, options.port);
  return {
    port,
    pid: process.pid,
    stop: async () => {
      server.close();
      server.closeIdleConnections();
      await once(server, 'close');
      objects.close();
      unlock();
    },
  };
});
