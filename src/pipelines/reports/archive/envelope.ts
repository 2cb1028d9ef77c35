import { z } from 'zod';

/** A report as it lies in the spool. */
export interface SpooledReport {
  /** Empty for a report of a file that was taken in. */
  readonly id: string;
  /** When it came in, ms since 1970. */
  readonly receivedMs: number;
  /** Who sent it; empty when that is not known. */
  readonly agent: string;
  /** What kind it is; empty when nobody said. */
  readonly type: string;
  /** Its JSON on one line, without the end of the line. */
  readonly line: Uint8Array;
}

/** The line of an archive for a report, with an envelope: what the collector knows of it, and the report itself. */
export function enveloped({ id, receivedMs, agent, type, line }: SpooledReport): Uint8Array {
  const known = JSON.stringify({ id, received_at: new Date(receivedMs).toISOString(), agent, type });
  return Buffer.concat([Buffer.from(`${known.slice(0, -1)},"report":`), line, CLOSING]);
}

const CLOSING = Buffer.from('}');

const envelopeSchema = z.strictObject({
  id: z.string(),
  received_at: z.iso.datetime(),
  agent: z.string(),
  type: z.string(),
  report: z.unknown(),
});

/** A report out of an archive. */
export interface ArchivedReport {
  /** Null for a line without an envelope, as all below. */
  readonly id: string | null;
  /** When it came in, ISO 8601. */
  readonly receivedAt: string | null;
  readonly agent: string | null;
  readonly type: string | null;
  /** The report, parsed. */
  readonly report: unknown;
  /** The report as text, on one line, byte for byte as it was posted. */
  readonly text: string;
}

/** Every envelope begins so, since it is always written in the same order. */
const OPENING = '{"id":"';
const REPORT = ',"report":';

/**
 * Reads a line of an archive, with an envelope or without one.
 *
 * @throws {SyntaxError} when it is no JSON
 */
export function readLine(text: string): ArchivedReport {
  const parsed: unknown = JSON.parse(text);
  const found = text.startsWith(OPENING) ? envelopeSchema.safeParse(parsed) : undefined;
  if (found?.success !== true)
    return { id: null, receivedAt: null, agent: null, type: null, report: parsed, text };
  const { id, received_at: receivedAt, agent, type, report } = found.data;
  const before = JSON.stringify({ id, received_at: receivedAt, agent, type }).length - 1;
  // What stands where it should is given back as it is, numbers with all their digits; else it is written anew.
  const isOurs = text.startsWith(REPORT, before);
  const inner = isOurs ? text.slice(before + REPORT.length, -1) : JSON.stringify(report);
  return { id, receivedAt, agent, type, report, text: inner };
}
