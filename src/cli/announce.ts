import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { InFlight } from '../processors/in-flight.js';
import { Presence, type ReplicaNote } from '../queues/replicas.js';
import type { Queues, Store } from './assembly.js';
import type { Role } from './roles.js';
import { version } from './version.js';

/** Lets the dashboards know of this process, until it is stopped. */
export function announce(
  { settings, log }: Store,
  { redis }: Queues,
  roles: readonly Role[],
  inFlight: InFlight,
): Presence {
  const about = {
    id: `${hostname()}-${String(process.pid)}-${randomBytes(4).toString('hex')}`,
    host: hostname(),
    pid: process.pid,
    roles: [...roles],
    version: version(),
    startedAt: new Date().toISOString(),
  };
  const note = (): Omit<ReplicaNote, 'seenAt'> => ({ ...about, ordersInFlight: inFlight.count });
  return new Presence({ redis, settings, log, note });
}
