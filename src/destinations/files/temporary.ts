import { createHash, randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { readdir, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { processExists, processStart } from '../../observability/process-start.js';
import { RESERVED_NAME } from '../file-store.js';

/**
 * Names of files that are being written: `.log-courier-PLACE-PID-START-RANDOM.part`. They tell who writes: the host and
 * its space of process ids (in a container ids begin anew), the id, and when that process was started, since ids are used
 * again.
 */
const NAME = /^\.log-courier-(?<place>[0-9a-f]{12})-(?<pid>\d+)-(?<start>\d+)-[0-9a-f]{16}\.part$/;

/** After so long without a byte, the writer on another host is taken for dead; ms. */
const STALE_MS = 3_600_000;

const place = createHash('sha256').update(`${hostname()} ${pidNamespace()}`).digest('hex').slice(0, 12);
/** '0' where the system does not tell. */
const start = processStart(process.pid) || '0';

/** A name that nobody else uses. */
export function temporaryName(): string {
  return `${RESERVED_NAME}${place}-${String(process.pid)}-${start}-${randomBytes(8).toString('hex')}.part`;
}

/** Tells names of files that are being written, by whomever. */
export function isTemporary(name: string): boolean {
  return NAME.test(name);
}

/**
 * Removes what processes that are dead have left in a folder. Whatever cannot be removed stays: others may be at it, and
 * what is there is in nobody's way.
 *
 * @param names the names in it, if they are known
 */
export async function removeStrays(folder: string, names?: readonly string[]): Promise<void> {
  for (const name of names ?? (await readdir(folder))) {
    const path = join(folder, name);
    if (await isStray(path, name)) await unlink(path).catch(() => undefined);
  }
}

async function isStray(path: string, name: string): Promise<boolean> {
  const writer = NAME.exec(name)?.groups;
  if (writer === undefined) return false;
  if (writer['place'] === place) {
    const pid = Number(writer['pid']);
    return !processExists(pid) || (processStart(pid) || '0') !== writer['start'];
  }
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
