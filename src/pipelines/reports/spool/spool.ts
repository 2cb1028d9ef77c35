import { mkdir, readdir } from 'node:fs/promises';
import { lockDirectory } from '../../../config/directory-lock.js';
import { syncFolder } from '../../../destinations/files/folders.js';
import type { Log } from '../../../observability/log.js';
import { SpoolClosedError, SpoolFullError, SpoolWriteError } from './errors.js';
import { recordsOf, type NewReport, type RequestKey } from './framing.js';
import { measure, type SpoolFill } from './measure.js';
import { recoverSegment } from './recover.js';
import { RequestKeys, requestsOf, type KeptRequest } from './request-keys.js';
import { isOpenSegment } from './segment-names.js';
import { Segment } from './segment.js';

/** How a spool is kept. */
export interface SpoolOptions {
  readonly directory: string;
  /** A segment is sealed when it has so many bytes. */
  readonly segmentMaxBytes: number;
  /** Or when it is so old; ms. */
  readonly segmentMaxMs: number;
  /** Nothing is taken that would make the spool larger than this. */
  readonly maxBytes: number;
  /** Keys of requests that are remembered at most. */
  readonly maxKeys: number;
  /**
   * When a report counts as stored: after a sync that it shares with all that wait (`group`), after one of its own
   * (`each`), or at once (`none`). All but the first are for measuring what it costs.
   */
  readonly sync?: 'group' | 'each' | 'none';
  readonly log: Log;
  /** Is told how long each sync took, and how many requests shared it. */
  readonly onSync?: (seconds: number, requests: number) => void;
}

/** Bytes that one write has at most. */
const GROUP_BYTES = 4 * 1024 * 1024;
/** How often the directory is looked at, since others remove from it what is delivered; ms. */
const MEASURE_MS = 2000;
/** How often a segment that could not be sealed is tried again; ms. */
const RETRY_MS = 1000;

interface Waiting {
  readonly bytes: Buffer;
  readonly request: KeptRequest | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Where reports wait for their delivery: append-only segments in a directory. A report is on the disk when
 * {@link Spool.append} resolves; all that wait at the same time share one write and one sync.
 */
export class Spool {
  readonly keys: RequestKeys;
  readonly #options: SpoolOptions;
  readonly #unlock: () => void;
  /** One thing at a time is done to the segment. */
  #turn: Promise<void> = Promise.resolve();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isFlushing = false;
  #segment: Segment | undefined;
  #segmentRequests: KeptRequest[] = [];
  /** Segments that are to be cut back or sealed, and could not be yet. */
  #troubled: { readonly segment: Segment; readonly requests: readonly KeptRequest[] }[] = [];
  #fill: SpoolFill = { bytes: 0, oldestMs: null, segments: 0 };
  #isClosed = false;
  readonly #timers: NodeJS.Timeout[] = [];
  #sealTimer: NodeJS.Timeout | undefined;

  private constructor(options: SpoolOptions, unlock: () => void) {
    this.#options = options;
    this.#unlock = unlock;
    this.keys = new RequestKeys(options.directory, options.maxKeys);
  }

  /**
   * Opens a spool for this process alone, and seals what an earlier one left open.
   *
   * @throws {DirectoryInUseError}
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true, mode: 0o750 });
    const unlock = await lockDirectory(options.directory, 0);
    try {
      const spool = new Spool(options, unlock);
      await spool.#recover();
      return spool;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** Whether the disk has not let it seal a segment, or cut one back, and it is tried again. */
  get isTroubled(): boolean {
    return this.#troubled.length > 0;
  }

  /** How full it is, about. */
  get fill(): SpoolFill {
    const { bytes, oldestMs, segments } = this.#fill;
    const open = this.#segment;
    if (open?.hasReports !== true) return { bytes, oldestMs, segments };
    return {
      bytes: bytes + open.length,
      oldestMs: oldestMs === null ? open.begunMs : Math.min(oldestMs, open.begunMs),
      segments: segments + 1,
    };
  }

  /**
   * Stores reports that were posted together, all or none.
   *
   * @throws {SpoolFullError} {@link SpoolWriteError} {@link SpoolClosedError}
   */
  async append(reports: readonly NewReport[], request?: RequestKey): Promise<void> {
    if (this.#isClosed) throw new SpoolClosedError();
    const bytes = recordsOf(reports, request);
    const first = reports[0];
    if (first === undefined) return;
    this.#refuseWhenFull(bytes.length);
    const kept =
      request === undefined
        ? undefined
        : { ...request, ids: reports.map(({ id }) => id), at: first.receivedMs };
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, request: kept, resolve, reject });
      this.#waitingBytes += bytes.length;
      this.#flush();
    });
  }

  /** Takes nothing more, stores what waits, seals the segment, and gives the directory back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#sealTimer);
    await this.#inTurn(() => this.#flushAll());
    await this.#inTurn(() => this.#seal());
    await this.#inTurn(() => this.#mend());
    for (const { segment } of this.#troubled) await segment.close();
    this.#unlock();
  }

  #refuseWhenFull(more: number): void {
    const { maxBytes } = this.#options;
    if (this.fill.bytes + this.#waitingBytes + more <= maxBytes) return;
    throw new SpoolFullError(
      `the spool holds ${String(this.fill.bytes)} of ${String(maxBytes)} bytes; it takes no more until some of it is delivered`,
    );
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    void this.#inTurn(() => this.#flushAll()).finally(() => {
      this.#isFlushing = false;
      if (this.#waiting.length > 0) this.#flush();
    });
  }

  async #flushAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#store(group);
        for (const { resolve } of group) resolve();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const error = new SpoolWriteError(`the spool cannot be written to: ${why}`, { cause });
        this.#options.log.error({ err: error, requests: group.length }, 'reports were refused');
        for (const { reject } of group) reject(error);
      }
    }
  }

  #takeGroup(): Waiting[] {
    const most = this.#options.sync === 'each' ? 1 : this.#waiting.length;
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count >= most || (count > 0 && bytes + one.bytes.length > GROUP_BYTES)) break;
      bytes += one.bytes.length;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #store(group: readonly Waiting[]): Promise<void> {
    const { segmentMaxBytes, sync, onSync } = this.#options;
    const segment = await this.#open();
    const bytes = Buffer.concat(group.map((one) => one.bytes));
    try {
      await segment.write(bytes);
      const began = performance.now();
      if (sync !== 'none') await segment.sync();
      onSync?.((performance.now() - began) / 1000, group.length);
    } catch (error) {
      await this.#takeBack(segment);
      throw error;
    }
    segment.keep(bytes.length);
    for (const { request } of group) {
      if (request === undefined) continue;
      this.#segmentRequests.push(request);
      this.keys.add([request]);
    }
    if (segment.length >= segmentMaxBytes) await this.#seal();
  }

  async #open(): Promise<Segment> {
    if (this.#segment !== undefined) return this.#segment;
    this.#segment = await Segment.begin(this.#options.directory, Date.now());
    this.#sealTimer = setTimeout(() => {
      void this.#inTurn(() => this.#seal());
    }, this.#options.segmentMaxMs);
    return this.#segment;
  }

  /** What was not acknowledged must not stay. Where that is not possible now, the segment is not written to again. */
  async #takeBack(segment: Segment): Promise<void> {
    try {
      await segment.cutBack();
    } catch (err) {
      this.#options.log.error(
        { err, segment: segment.name },
        'a segment cannot be cut back now; it is tried again',
      );
      this.#setAside();
    }
  }

  #setAside(): void {
    clearTimeout(this.#sealTimer);
    if (this.#segment !== undefined)
      this.#troubled.push({ segment: this.#segment, requests: this.#segmentRequests });
    this.#segment = undefined;
    this.#segmentRequests = [];
  }

  /** Seals the segment, so that it can be delivered. */
  async #seal(): Promise<void> {
    if (this.#segment === undefined) return;
    this.#setAside();
    await this.#mend();
  }

  /** Cuts back and seals what is set aside. */
  async #mend(): Promise<void> {
    const troubled = this.#troubled;
    this.#troubled = [];
    for (const one of troubled) {
      try {
        if (!one.segment.hasReports) {
          await one.segment.discard();
          continue;
        }
        await one.segment.cutBack();
        await this.keys.keep(one.segment.name, one.requests);
        await one.segment.seal();
        this.#fill = { ...this.#fill, bytes: this.#fill.bytes + one.segment.length };
      } catch (err) {
        this.#troubled.push(one);
        this.#options.log.warn(
          { err, segment: one.segment.name },
          'a segment cannot be sealed now; it is tried again',
        );
      }
    }
  }

  async #recover(): Promise<void> {
    const { directory, log } = this.#options;
    await this.keys.load(Date.now());
    for (const name of (await readdir(directory)).filter(isOpenSegment).sort()) {
      const { sealed, headers, cutBytes } = await recoverSegment(directory, name, async (found) => {
        const requests = requestsOf(found);
        this.keys.add(requests);
        await this.keys.keep(name, requests);
      });
      const about = { segment: name, reports: headers.length, cutBytes };
      log.warn(
        about,
        sealed === undefined
          ? 'an empty segment was left behind; it is removed'
          : 'a segment was left open; it is sealed',
      );
    }
    await syncFolder(directory);
    await this.#measure();
    this.#timers.push(
      setInterval(() => {
        this.#measure().catch((err: unknown) => {
          log.warn({ err }, 'the spool could not be looked at');
        });
      }, MEASURE_MS),
      setInterval(() => {
        if (this.#troubled.length > 0) void this.#inTurn(() => this.#mend());
      }, RETRY_MS),
      setInterval(() => {
        this.keys.forget(Date.now()).catch((err: unknown) => {
          log.warn({ err }, 'old keys could not be forgotten');
        });
      }, FORGET_MS),
    );
    for (const timer of this.#timers) timer.unref();
  }

  async #measure(): Promise<void> {
    this.#fill = await measure(this.#options.directory);
  }
}

const FORGET_MS = 3_600_000;
