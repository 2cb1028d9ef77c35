import { chmod, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { syncFolder } from '../../../destinations/files/folders.js';
import { MAGIC } from './framing.js';
import { newSegmentName, OPEN_ENDING, SEALED_ENDING } from './segment-names.js';

const FILE_MODE = 0o640;

/** The segment that a spool writes to. */
export class Segment {
  /** Bytes of it that count. */
  length: number;
  #isRenamed = false;

  private constructor(
    private readonly directory: string,
    readonly name: string,
    private readonly file: FileHandle,
    /** When it was begun, ms since 1970. */
    readonly begunMs: number,
    length: number,
  ) {
    this.length = length;
  }

  /** Begins a new one. It, and its name, are on the disk when this resolves. */
  static async begin(directory: string, nowMs: number): Promise<Segment> {
    const name = newSegmentName(nowMs);
    const path = `${directory}/${name}`;
    const file = await open(path, 'wx', FILE_MODE);
    try {
      await chmod(path, FILE_MODE);
      await writeWhole(file, MAGIC, 0);
      await file.sync();
      await syncFolder(directory);
      return new Segment(directory, name, file, nowMs, MAGIC.length);
    } catch (error) {
      await file.close();
      // On a full disk every try would leave one behind.
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  /** Whether any report is in it. */
  get hasReports(): boolean {
    return this.length > MAGIC.length;
  }

  /** Writes behind what counts; {@link Segment.keep} makes it count. */
  write(bytes: Uint8Array): Promise<void> {
    return writeWhole(this.file, bytes, this.length);
  }

  /** Resolves when the disk has what was written. */
  sync(): Promise<void> {
    return this.file.datasync();
  }

  /** Says that so many more bytes count. */
  keep(bytes: number): void {
    this.length += bytes;
  }

  /** Takes away what was written and does not count. */
  async cutBack(): Promise<void> {
    await this.file.truncate(this.length);
    await this.file.sync();
  }

  /** Ends it: nothing is written to it any more, and it may be delivered. */
  async seal(): Promise<void> {
    const sealed = `${this.name.slice(0, -OPEN_ENDING.length)}${SEALED_ENDING}`;
    await this.file.sync();
    // It may be tried again after the folder could not be synced.
    if (!this.#isRenamed) await rename(`${this.directory}/${this.name}`, `${this.directory}/${sealed}`);
    this.#isRenamed = true;
    await syncFolder(this.directory);
    await this.file.close();
  }

  /** Removes it: nothing that counts is in it. */
  async discard(): Promise<void> {
    await unlink(`${this.directory}/${this.name}`);
    await this.file.close();
  }

  /** Lets go of the file, as it is. */
  async close(): Promise<void> {
    await this.file.close();
  }
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
