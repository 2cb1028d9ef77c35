import { copyFile, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { systemCodeOf } from '../../../destinations/files/errors.js';
import { syncFolder } from '../../../destinations/files/folders.js';
import { isError } from '../../../observability/is-error.js';
import { compressionOf } from '../archive/lines.js';
import { takeFile, type TakeParts } from './take-file.js';

/** Which files to take. */
export interface ImportOptions extends TakeParts {
  /** All files in it and below it are looked at. */
  readonly directory: string;
  /** Where files go that were taken; without it they stay where they are. */
  readonly moveTo?: string | undefined;
  readonly signal: AbortSignal;
  /** Is told what could not be taken, and why. */
  readonly onProblem: (file: string, why: string) => void;
}

/** What an import did. */
export interface Imported {
  readonly files: number;
  readonly records: number;
  /** Files that were taken before. */
  readonly known: number;
  readonly problems: number;
}

/**
 * Takes all files of JSON lines in a directory into the spool, from where they are delivered like what a collector got.
 * Doing it again takes what is new.
 */
export async function importFiles(options: ImportOptions): Promise<Imported> {
  const { directory, moveTo, signal, onProblem } = options;
  let [files, records, known, problems] = [0, 0, 0, 0];
  for (const path of await filesIn(directory, moveTo)) {
    signal.throwIfAborted();
    try {
      const taken = await takeFile(options, path, signal);
      if (taken.isNew) {
        files += 1;
        records += taken.records;
      } else known += 1;
      if (moveTo !== undefined) await move(path, moveTo);
    } catch (error) {
      signal.throwIfAborted();
      problems += 1;
      onProblem(path, isError(error) ? error.message : String(error));
    }
  }
  return { files, records, known, problems };
}

async function filesIn(directory: string, moveTo: string | undefined): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const without = moveTo === undefined ? undefined : `${resolve(moveTo)}/`;
  return entries
    .filter(
      (entry) => entry.isFile() && !entry.name.startsWith('.') && compressionOf(entry.name) !== undefined,
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => without === undefined || !resolve(path).startsWith(without))
    .sort();
}

async function move(path: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  let to = join(folder, basename(path));
  for (let number = 2; await isThere(to); number += 1)
    to = join(folder, `${String(number)}-${basename(path)}`);
  try {
    await rename(path, to);
  } catch (error) {
    if (systemCodeOf(error) !== 'EXDEV') throw error;
    // Another file system: the spool has the content already.
    await copyFile(path, to);
    await unlink(path);
  }
  await syncFolder(folder);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
