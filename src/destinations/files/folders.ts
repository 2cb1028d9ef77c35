import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCodeOf } from './errors.js';

/**
 * Makes a folder and those above it that are missing, below a directory that is there, so that they are there after a
 * power cut too.
 */
export async function makeFolder(directory: string, folder: string, mode: number): Promise<void> {
  if (folder === directory) return;
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(folder) === directory) throw error;
    await makeFolder(directory, dirname(folder), mode);
    await makeFolder(directory, folder, mode);
    return;
  }
  // What mkdir takes for a mode is narrowed by the process's umask.
  await chmod(folder, mode);
  await syncFolder(dirname(folder));
}

/** Resolves when the disk has the names in a folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
