import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../../destinations/files/errors.js';
import { syncFolder } from '../../../destinations/files/folders.js';

/** A line of the journal. */
export interface JournalLine {
  /** The file that it stands in. */
  readonly file: string;
  readonly text: string;
}

/** What is new in a journal. */
export interface JournalNews {
  readonly lines: readonly JournalLine[];
  /** All files that there are, oldest first. */
  readonly files: readonly string[];
}

const FILE = /^\d{4}-\d{2}-\d{2}\.jsonl$/;
const READ_BYTES = 1024 * 1024;

/**
 * Lines that several processes of one host write and read, on a local file system: one file a day, by UTC.
 *
 * Each write is one system call that appends (O_APPEND), which the system does not mix with others, and is on the disk
 * before it resolves. A write that was cut short by a crash or a full disk leaves the beginning of a line; since every
 * write begins with a newline, it becomes a line of its own, which no reader understands.
 */
export class Journal {
  readonly #folder: string;
  /** Up to which byte each file has been read. */
  readonly #read = new Map<string, number>();

  /** @param folder made when missing, with the folder above it there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes lines, which must not have newlines in them; resolves when the disk has them. */
  async append(lines: readonly string[], now = new Date()): Promise<void> {
    if (lines.length === 0) return;
    await this.#makeFolder();
    const name = `${now.toISOString().slice(0, 10)}.jsonl`;
    const bytes = Buffer.from(`\n${lines.join('\n')}\n`);
    const file = await open(join(this.#folder, name), 'a', 0o640);
    try {
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, null);
      if (bytesWritten !== bytes.length)
        throw new Error(
          `the disk of ${this.#folder} took only a part of what was to be written: is it full?`,
        );
      await file.datasync();
    } finally {
      await file.close();
    }
    // That the file is there must be on the disk too; nobody knows who of several made it.
    if (!this.#read.has(name)) await syncFolder(this.#folder);
  }

  /** Reads what was written since the last time; to be called by one caller at a time. */
  async news(): Promise<JournalNews> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw error;
    });
    const files = names.filter((name) => FILE.test(name)).sort();
    for (const known of this.#read.keys()) if (!files.includes(known)) this.#read.delete(known);
    const lines: JournalLine[] = [];
    for (const file of files) await this.#readOn(file, lines);
    return { lines, files };
  }

  /** Removes a file whose lines nobody needs any more. */
  async remove(file: string): Promise<void> {
    await unlink(join(this.#folder, file)).catch((error: unknown) => {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    });
  }

  async #readOn(name: string, lines: JournalLine[]): Promise<void> {
    const path = join(this.#folder, name);
    let from = this.#read.get(name) ?? 0;
    if ((await stat(path)).size <= from) return;
    const file = await open(path, 'r');
    try {
      let rest = Buffer.alloc(0);
      for (;;) {
        const chunk = Buffer.allocUnsafe(READ_BYTES);
        const { bytesRead } = await file.read(chunk, 0, READ_BYTES, from + rest.length);
        if (bytesRead === 0) break;
        rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        // A line without its end is still being written, or never will be: the next write tells.
        const end = rest.lastIndexOf(0x0a) + 1;
        for (const text of rest.toString('utf8', 0, end).split('\n'))
          if (text !== '') lines.push({ file: name, text });
        rest = rest.subarray(end);
        from += end;
      }
    } finally {
      await file.close();
    }
    this.#read.set(name, from);
  }

  async #makeFolder(): Promise<void> {
    try {
      await mkdir(this.#folder, { mode: 0o750 });
      await syncFolder(join(this.#folder, '..'));
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
  }
}
