import { constants } from 'node:fs';
import { access, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Counted } from '../counted.js';
import {
  checkFileName,
  NoSuchFileError,
  type FileHead,
  type FileStore,
  type ListedFile,
  type PutOptions,
  type PutReceipt,
} from '../file-store.js';
import { directoryMissing, fileError, systemCodeOf } from './errors.js';
import { makeFolder, syncFolder } from './folders.js';
import { isTemporary, removeStrays, temporaryName } from './temporary.js';

/** Where files go, and who may read them. */
export interface FilesOptions {
  /** It must be there: one that is missing may be a disk that is not mounted. */
  readonly directory: string;
  /** Mode of files, 0640 by default, whatever the umask. */
  readonly fileMode?: number;
  /** Mode of folders below the directory, 0750 by default, whatever the umask. */
  readonly directoryMode?: number;
}

/** Bytes that are read at once. */
const READ_BYTES = 256 * 1024;
/** How often a folder is searched for what dead processes have left, at most; ms. */
const SEARCH_EVERY_MS = 300_000;

/** Opens a directory as a store of files. It keeps no metadata. */
export function openFiles(options: FilesOptions): FileStore {
  return new Files(options);
}

class Files implements FileStore {
  readonly kind = 'files';
  readonly place: string;
  readonly #fileMode: number;
  readonly #directoryMode: number;
  readonly #searchedAt = new Map<string, number>();

  constructor({ directory, fileMode = 0o640, directoryMode = 0o750 }: FilesOptions) {
    this.place = resolve(directory);
    this.#fileMode = fileMode;
    this.#directoryMode = directoryMode;
  }

  async put(name: string, content: AsyncIterable<Uint8Array>, { signal }: PutOptions): Promise<PutReceipt> {
    const path = this.#pathOf(name);
    const folder = dirname(path);
    const counted = new Counted(content, signal);
    await this.#doing(
      `write ${path}`,
      async () => {
        await stat(this.place); // else the folders would be made on the disk below a mount
        await makeFolder(this.place, folder, this.#directoryMode);
        await this.#removeStrays(folder);
        const temporary = join(folder, temporaryName());
        const file = await open(temporary, 'wx', this.#fileMode);
        try {
          try {
            await file.chmod(this.#fileMode);
            for await (const chunk of counted) await writeAll(file, chunk);
            await file.sync();
          } finally {
            await file.close();
          }
          signal.throwIfAborted();
          await rename(temporary, path);
        } catch (error) {
          await unlink(temporary).catch(() => undefined);
          throw error;
        }
        await syncFolder(folder);
      },
      counted,
    );
    return counted.receipt();
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const path = this.#pathOf(name);
    const file = await this.#doing(`read ${path}`, () => open(path, 'r')).catch((error: unknown) => {
      throw isMissing(error) ? new NoSuchFileError(name, this.place, { cause: error }) : error;
    });
    try {
      for (;;) {
        signal.throwIfAborted();
        const bytes = Buffer.allocUnsafeSlow(READ_BYTES);
        const { bytesRead } = await this.#doing(`read ${path}`, () => file.read(bytes, 0, READ_BYTES));
        if (bytesRead === 0) return;
        yield bytes.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async head(name: string, signal: AbortSignal): Promise<FileHead | undefined> {
    signal.throwIfAborted();
    const path = this.#pathOf(name);
    try {
      const found = await this.#doing(`look at ${path}`, () => stat(path));
      return found.isFile() ? { bytes: found.size, metadata: {} } : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedFile, void> {
    await this.#doing(`list ${this.place}`, () => stat(this.place));
    yield* this.#listFolder('', prefix, signal);
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const path = this.#pathOf(name);
    try {
      await this.#doing(`remove ${path}`, async () => {
        await unlink(path);
        await syncFolder(dirname(path));
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async check(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#doing(`check ${this.place}`, async () => {
      // With the dot, a file in its place is refused.
      await stat(join(this.place, '/.'));
      await access(this.place, constants.W_OK | constants.X_OK);
    });
  }

  async *#listFolder(inside: string, prefix: string, signal: AbortSignal): AsyncGenerator<ListedFile, void> {
    signal.throwIfAborted();
    const folder = join(this.place, inside);
    const entries = await this.#doing(`list ${folder}`, () => readdir(folder, { withFileTypes: true })).catch(
      (error: unknown) => {
        if (inside !== '' && isMissing(error)) return []; // it was removed meanwhile
        throw error;
      },
    );
    await removeStrays(
      folder,
      entries.map(({ name }) => name),
    );
    const names = entries
      .filter((entry) => entry.isDirectory() || (entry.isFile() && !isTemporary(entry.name)))
      .map((entry) => ({ name: inside + entry.name + (entry.isDirectory() ? '/' : ''), entry }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    for (const { name, entry } of names) {
      if (entry.isDirectory()) {
        if (name.startsWith(prefix) || prefix.startsWith(name)) yield* this.#listFolder(name, prefix, signal);
      } else if (name.startsWith(prefix)) {
        const head = await this.head(name, signal);
        if (head !== undefined) yield { name, bytes: head.bytes };
      }
    }
  }

  async #removeStrays(folder: string): Promise<void> {
    const now = Date.now();
    if (now - (this.#searchedAt.get(folder) ?? 0) < SEARCH_EVERY_MS) return;
    this.#searchedAt.set(folder, now);
    await removeStrays(folder);
  }

  #pathOf(name: string): string {
    checkFileName(name);
    return join(this.place, name);
  }

  /** Does something with the file system; that the directory itself is missing is told apart from all else. */
  async #doing<Result>(doing: string, act: () => Promise<Result>, content?: Counted): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (content?.threw(error) === true) throw error;
      const code = systemCodeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        const isThere = await stat(this.place).then(
          (found) => found.isDirectory(),
          () => false,
        );
        if (!isThere) throw directoryMissing(doing, this.place, error);
      }
      throw fileError(doing, error);
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) {
    const { bytesWritten } = await file.write(chunk, at);
    at += bytesWritten;
  }
}
