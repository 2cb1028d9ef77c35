import { mkdir, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../../destinations/files/folders.js';
import type { Log } from '../../../observability/log.js';
import { BrokenFileError, compressionOf } from '../archive/lines.js';
import { FileChangedError, takeFile, type TakeParts } from './take-file.js';

/** Where others drop files. */
export interface WatchParts extends TakeParts {
  readonly log: Log;
  /** Empty for none. */
  readonly directory: string;
  readonly quietSeconds: number;
}

/** Folder for what could not be taken, within the directory. */
export const BROKEN_FOLDER = 'broken';

/**
 * Takes the files that others dropped into a directory, and removes them there once the spool has them. A file is
 * complete when nothing was written to it for some time; names that begin with a dot are for files that are not. What is
 * broken is moved into the folder `broken`, with the reason beside it. One file's trouble does not hold up the others.
 */
export async function takeDropped(parts: WatchParts, signal: AbortSignal): Promise<void> {
  const { directory, log } = parts;
  if (directory === '') return;
  let names: readonly string[];
  try {
    names = (await readdir(directory)).sort();
  } catch (err) {
    log.error({ err, directory }, 'the directory that is watched for reports cannot be read');
    return;
  }
  for (const name of names) {
    signal.throwIfAborted();
    if (name.startsWith('.') || compressionOf(name) === undefined) continue;
    try {
      await takeOne(parts, name, signal);
    } catch (err) {
      signal.throwIfAborted();
      if (err instanceof FileChangedError) continue;
      log.error(
        { err, file: join(directory, name) },
        'a file that was dropped cannot be taken now; it stays',
      );
    }
  }
}

async function takeOne(parts: WatchParts, name: string, signal: AbortSignal): Promise<void> {
  const { directory, quietSeconds, log } = parts;
  const path = join(directory, name);
  const found = await stat(path);
  // Unlike the time of the last writing, nobody sets this one.
  if (!found.isFile() || Date.now() - found.ctimeMs < quietSeconds * 1000) return;
  try {
    const { isNew, records } = await takeFile(parts, path, signal);
    await unlink(path);
    await syncFolder(directory);
    log.info(
      { file: path, records },
      isNew ? 'took a file that was dropped' : 'removed a file that was taken before',
    );
  } catch (error) {
    if (!(error instanceof BrokenFileError)) throw error;
    const put = await putAside(directory, name, error.message);
    log.error(
      { file: path, put, reason: error.message },
      'a file that was dropped is broken; it was put aside',
    );
  }
}

async function putAside(directory: string, name: string, reason: string): Promise<string> {
  const folder = join(directory, BROKEN_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const taken = new Set(await readdir(folder));
  let to = name;
  for (let number = 2; taken.has(to); number += 1) to = `${String(number)}-${name}`;
  await writeFile(join(folder, `${to}.reason.txt`), `${reason}\n`, { mode: 0o640 });
  await rename(join(directory, name), join(folder, to));
  await syncFolder(folder);
  await syncFolder(directory);
  return join(folder, to);
}
