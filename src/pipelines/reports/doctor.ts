import { access, constants, stat } from 'node:fs/promises';
import type { FileStore } from '../../destinations/file-store.js';
import { isError } from '../../observability/is-error.js';
import { about, ok, problem, warning, type DoctorContext, type Finding } from '../finding.js';
import type { Book } from './book/book.js';
import type { Inputs } from './inputs.js';

/** What doctor looks at. */
export interface DoctorParts {
  readonly spool: string;
  readonly store: FileStore;
  readonly book: Book;
  readonly inputs: Inputs;
  /** The directory that is watched; empty for none. */
  readonly directory: string;
}

/** A segment that waits longer has been forgotten by delivery; ms. */
const LONG_MS = 600_000;

/** Looks at the spool, the archive, and the directory that is watched. */
export async function examine(parts: DoctorParts, { signal }: DoctorContext): Promise<readonly Finding[]> {
  const findings = [await lookAtSpool(parts), await lookAtArchive(parts, signal)];
  if (parts.directory !== '') findings.push(await lookAtWatched(parts.directory));
  return findings;
}

async function lookAtSpool({ spool, book, inputs }: DoctorParts): Promise<Finding> {
  const on = about('reports.spool', spool);
  try {
    await access(spool, constants.R_OK | constants.W_OK | constants.X_OK);
    const listed = await inputs.list();
    await book.entries();
    const bytes = listed.reduce((sum, one) => sum + one.bytes, 0);
    const found = `${String(listed.length)} segments and files wait in it, ${String(bytes)} bytes`;
    for (const one of listed) {
      const ageMs = Date.now() - (await stat(inputs.pathOf(one))).mtimeMs;
      if (ageMs < LONG_MS) continue;
      return warning(
        on,
        `${found}; ${one.input} has been there for ${String(Math.floor(ageMs / 60_000))} minutes`,
        'see with `log-courier status` what keeps it from being delivered',
      );
    }
    return ok(on, found);
  } catch (error) {
    return problem(
      on,
      `it cannot be used: ${messageOf(error)}`,
      'run discovery, processors and dashboard of this pipeline where the collector has its spool, as a user that may write there',
    );
  }
}

async function lookAtArchive({ store }: DoctorParts, signal: AbortSignal): Promise<Finding> {
  const on = about('reports.archive', store.place);
  try {
    await store.check(signal);
    return ok(on, 'it is there and may be written to');
  } catch (error) {
    return problem(
      on,
      messageOf(error),
      'mend what the message names, or choose another archive with reports.archive',
    );
  }
}

async function lookAtWatched(directory: string): Promise<Finding> {
  const on = about('reports.watch-directory', directory);
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(on, 'files can be taken from it');
  } catch (error) {
    return problem(on, messageOf(error), 'create it, and let log-courier read and write there');
  }
}

function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}
