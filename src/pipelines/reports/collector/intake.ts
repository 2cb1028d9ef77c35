import { createHash, randomUUID } from 'node:crypto';
import { SpoolClosedError, SpoolFullError, SpoolWriteError } from '../spool/errors.js';
import type { NewReport, RequestKey } from '../spool/framing.js';
import type { Spool } from '../spool/spool.js';
import { NAME, type Agent } from './agents.js';
import type { PostedReport } from './json-text.js';
import { Refusal } from './problem.js';
import type { ReportSchemas } from './schemas.js';

/** What takes reports in. */
export interface IntakeParts {
  readonly spool: Spool;
  readonly schemas: ReportSchemas;
  /** Member of a report that says of which type it is; empty when none does. */
  readonly typeMember: string;
}

/** What was posted. */
export interface Posted {
  readonly agent: Agent;
  readonly reports: readonly PostedReport[];
  /** Type that the request names for all of them. */
  readonly type: string | undefined;
  /** Idempotency-Key, when there is one. */
  readonly key: string | undefined;
  /** The body, decompressed. */
  readonly body: Buffer;
}

/** What became of it: the reports' ids, which are on the disk. */
export interface Stored {
  readonly ids: readonly string[];
  /** True when an earlier request with the same key had stored them. */
  readonly before: boolean;
}

/** Letters, digits and punctuation, as in a header; the length is ours. */
const KEY = /^[\x21-\x7e]{1,255}$/;
/** How long whoever finds the spool full, or the disk, should wait; seconds. */
const PATIENCE_SECONDS = 5;

/** Stores reports: once, however often they are posted with the same Idempotency-Key within a day. */
export class Intake {
  /** Requests with a key that are being stored. */
  readonly #underWay = new Map<string, Promise<Stored>>();

  constructor(private readonly parts: IntakeParts) {}

  /**
   * Resolves when the reports are on the disk.
   *
   * @throws {Refusal} when nothing of them is stored
   */
  async store(posted: Posted): Promise<Stored> {
    const { spool } = this.parts;
    const receivedMs = Date.now();
    const request = requestKeyOf(posted);
    if (request === undefined) return this.#append(posted, receivedMs, undefined);
    for (;;) {
      const kept = spool.keys.get(request.key, receivedMs);
      if (kept !== undefined) {
        if (kept.body !== request.body)
          throw new Refusal('key-reused', 'this Idempotency-Key came with another body before');
        return { ids: kept.ids, before: true };
      }
      const other = this.#underWay.get(request.key);
      if (other === undefined) break;
      // Whatever becomes of it: then it is known, or it is this one's turn.
      await other.catch(() => undefined);
    }
    if (!spool.keys.hasRoom(receivedMs))
      throw new Refusal('busy', 'too many keys are remembered; try again later, or without a key', 60);
    const storing = this.#append(posted, receivedMs, request);
    this.#underWay.set(request.key, storing);
    try {
      return await storing;
    } finally {
      this.#underWay.delete(request.key);
    }
  }

  async #append(posted: Posted, receivedMs: number, request: RequestKey | undefined): Promise<Stored> {
    const reports = posted.reports.map((report, index) =>
      this.#newReport(
        posted,
        report,
        receivedMs,
        posted.reports.length === 1 ? '' : `report ${String(index + 1)}: `,
      ),
    );
    try {
      await this.parts.spool.append(reports, request);
    } catch (error) {
      throw refusalOf(error);
    }
    return { ids: reports.map(({ id }) => id), before: false };
  }

  #newReport(
    { agent, type }: Posted,
    { line, value }: PostedReport,
    receivedMs: number,
    where: string,
  ): NewReport {
    const ofReport = type ?? this.#typeOf(value, where);
    this.parts.schemas.check(ofReport, value, where);
    return { id: randomUUID(), receivedMs, agent: agent.name, type: ofReport, line };
  }

  #typeOf(value: unknown, where: string): string {
    const { typeMember } = this.parts;
    if (typeMember === '' || typeof value !== 'object' || value === null) return '';
    const found: unknown = Object.hasOwn(value, typeMember) ? Reflect.get(value, typeMember) : undefined;
    return found === undefined ? '' : checkedType(found, `${where}${typeMember}`);
  }
}

/**
 * A type that somebody gave.
 *
 * @throws {Refusal} when it could not stand in the name of a file
 */
export function checkedType(type: unknown, where: string): string {
  if (typeof type === 'string' && NAME.test(type)) return type;
  throw new Refusal(
    'bad-request',
    `${where}: a type has up to 64 letters, digits, _ . and -, and begins with one of the first two`,
  );
}

function requestKeyOf({ agent, key, body, type }: Posted): RequestKey | undefined {
  if (key === undefined) return undefined;
  if (!KEY.test(key))
    throw new Refusal('bad-request', 'an Idempotency-Key has 1 to 255 visible ASCII characters');
  return { key: digest(agent.name, key), body: digest(type ?? '', body) };
}

function digest(first: string, second: string | Buffer): string {
  return createHash('sha256').update(first).update('\0').update(second).digest('hex').slice(0, 32);
}

function refusalOf(error: unknown): unknown {
  if (error instanceof SpoolFullError)
    return new Refusal('spool-full', error.message, PATIENCE_SECONDS, { cause: error });
  if (error instanceof SpoolWriteError)
    return new Refusal('disk', 'the report could not be stored; try again', PATIENCE_SECONDS, {
      cause: error,
    });
  if (error instanceof SpoolClosedError)
    return new Refusal('shutdown', error.message, PATIENCE_SECONDS, { cause: error });
  return error;
}
