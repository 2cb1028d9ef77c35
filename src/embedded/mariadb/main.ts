import { z } from 'zod';
import { guardServer } from '../server-process.js';
import { startMariaDbServer } from './server.js';

const optionsSchema = z.object({ isDurable: z.boolean() });

/** The process that holds the embedded MariaDB. */
guardServer((directory, port, options) =>
  startMariaDbServer(directory, port, optionsSchema.parse(options).isDurable),
);
