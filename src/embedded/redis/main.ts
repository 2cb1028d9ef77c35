import { guardServer } from '../server-process.js';
import { startRedisServer } from './server.js';

/** The process that holds the embedded Redis. */
guardServer(startRedisServer);
