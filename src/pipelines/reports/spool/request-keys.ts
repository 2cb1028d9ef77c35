import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { FileStore } from '../../../destinations/file-store.js';
import { openFiles } from '../../../destinations/files/open-files.js';
import { timeInName } from '../file-time.js';
import type { RecordHeader, RequestKey } from './framing.js';

/** How long a key is remembered, as senders are told; ms. */
export const KEY_LIFETIME_MS = 86_400_000;

const keptSchema = z.object({
  key: z.string(),
  body: z.string(),
  ids: z.array(z.string()),
  at: z.number(),
});

/** A request that was stored under a key. */
export type KeptRequest = z.infer<typeof keptSchema>;

/** The requests that headers of records speak of, each once. */
export function requestsOf(headers: readonly RecordHeader[]): readonly KeptRequest[] {
  const found = new Map<string, KeptRequest>();
  for (const { key, body, id, at } of headers) {
    if (key === undefined || body === undefined) continue;
    const before = found.get(key);
    if (before === undefined) found.set(key, { key, body, at, ids: [id] });
    else before.ids.push(id);
  }
  return [...found.values()];
}

/**
 * The keys of the requests of the last day. They are in memory, in the segments, and, from when a segment is sealed, in a
 * small file a segment: so they outlive its delivery.
 */
export class RequestKeys {
  readonly #folder: string;
  readonly #files: FileStore;
  readonly #kept = new Map<string, KeptRequest>();

  /**
   * @param spool the spool's directory
   * @param most keys that are remembered at most
   */
  constructor(
    spool: string,
    private readonly most: number,
  ) {
    this.#folder = join(spool, 'keys');
    this.#files = openFiles({ directory: this.#folder });
  }

  /** Reads what was kept, and forgets what is older than a day. */
  async load(nowMs: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
    for (const name of (await readdir(this.#folder)).sort()) {
      const path = join(this.#folder, name);
      if (!name.endsWith(ENDING)) {
        await unlink(path);
        continue;
      }
      const requests = (await readFile(path, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => keptIn(line, path));
      if (requests.every(({ at }) => at < nowMs - KEY_LIFETIME_MS)) await unlink(path);
      else this.add(requests);
    }
    this.#forgetOld(nowMs);
  }

  /** Whether one more could be remembered. */
  hasRoom(nowMs: number): boolean {
    if (this.#kept.size >= this.most) this.#forgetOld(nowMs);
    return this.#kept.size < this.most;
  }

  /** What was stored under a key within the last day. */
  get(key: RequestKey['key'], nowMs: number): KeptRequest | undefined {
    const found = this.#kept.get(key);
    return found === undefined || found.at < nowMs - KEY_LIFETIME_MS ? undefined : found;
  }

  /** Remembers requests. */
  add(requests: readonly KeptRequest[]): void {
    for (const request of requests) {
      this.#kept.delete(request.key);
      this.#kept.set(request.key, request);
    }
  }

  /** Writes down the requests of a segment that is about to be sealed; they are on the disk when this resolves. */
  async keep(segment: string, requests: readonly KeptRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const name = `${segment.slice(0, segment.lastIndexOf('.'))}${ENDING}`;
    const lines = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
    await this.#files.put(name, Readable.from([Buffer.from(lines)]), {
      contentType: 'application/jsonl',
      signal: new AbortController().signal,
    });
  }

  /** Forgets what is older than a day, on the disk too. */
  async forget(nowMs: number): Promise<void> {
    this.#forgetOld(nowMs);
    const limit = timeInName(nowMs - 2 * KEY_LIFETIME_MS);
    for (const name of await readdir(this.#folder))
      if (name.endsWith(ENDING) && name < limit) await unlink(join(this.#folder, name));
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { at }] of this.#kept) {
      if (at >= nowMs - KEY_LIFETIME_MS) return;
      this.#kept.delete(key);
    }
  }
}

function keptIn(line: string, path: string): KeptRequest {
  try {
    return keptSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new Error(
      `${path} is damaged. Move it away to go on: requests that it tells of would be stored again if they were sent again`,
      { cause },
    );
  }
}

const ENDING = '.jsonl';
