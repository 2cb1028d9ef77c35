import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { processExists, processStart } from '../observability/process-start.js';

/** Another process works in the directory. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';

  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `${directory} is in use by process ${pid}. Stop that process, or choose another directory: one process at a time may work in it.`,
    );
  }
}

const FILE = 'lock.json';
const POLL_MILLISECONDS = 50;

const ownerSchema = z.object({ pid: z.number(), startedAt: z.string() });
type Owner = z.infer<typeof ownerSchema>;

/**
 * Takes a directory for this process alone, with a file `lock.json` that names the process. A lock whose
 * process has ended is taken over.
 *
 * @param directory made when missing
 * @param patienceSeconds how long to wait for another process to end; 0 refuses at once
 * @returns gives the directory back
 * @throws DirectoryInUseError when another process holds it
 */
export async function lockDirectory(directory: string, patienceSeconds: number): Promise<() => void> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, FILE);
  const deadline = Date.now() + patienceSeconds * 1000;
  for (;;) {
    if (tryLock(file)) {
      return () => {
        rmSync(file, { force: true });
      };
    }
    const owner = readOwner(file);
    if (owner === undefined || !isAlive(owner)) rmSync(file, { force: true });
    else if (Date.now() >= deadline) throw new DirectoryInUseError(directory, owner.pid);
    else await sleep(POLL_MILLISECONDS);
  }
}

/** Links a complete file into place, so that nobody ever reads half of one. */
function tryLock(file: string): boolean {
  const owner: Owner = { pid: process.pid, startedAt: processStart(process.pid) };
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(owner));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** A process id alone proves nothing: containers give the same few ids to every start. */
function isAlive(owner: Owner): boolean {
  return processExists(owner.pid) && processStart(owner.pid) === owner.startedAt;
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
