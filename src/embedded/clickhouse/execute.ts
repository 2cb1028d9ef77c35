import type { Session } from 'chdb';
import { isStreamable } from './formats.js';
import { engineText, resultFormat, type Statement, type Summary } from './statement.js';

/** The engine's words for a statement that is no SELECT; it says so before it runs anything. */
const NOT_STREAMABLE = 'Streaming query is not supported';

const NOTHING_COUNTED: Summary = { readRows: 0, readBytes: 0, writtenRows: 0 };

/**
 * Runs a statement. A SELECT in a streamable format arrives block by block, everything else as one block.
 *
 * @param session in the state that the statement asks for
 * @param statement what to run
 * @param signal ends a streamed result between two blocks; the engine cannot stop other statements
 * @throws the engine's error, before the first block or after any
 */
export async function* execute(
  session: Session,
  statement: Statement,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, Summary> {
  const format = resultFormat(statement);
  if (isStreamable(format) && statement.dataFile === undefined) {
    const stream = startStream(session, statement, signal);
    if (stream !== undefined) {
      for await (const block of stream) yield block.raw();
      return NOTHING_COUNTED;
    }
  }
  const result = await session.queryAsync(engineText(statement), { format: statement.defaultFormat });
  const bytes = result.bytes();
  if (bytes.length > 0) yield bytes;
  const inserted = /^\s*INSERT\b/i.test(statement.sql);
  return {
    readRows: result.rowsRead,
    readBytes: result.bytesRead,
    writtenRows: inserted ? result.rowsRead : 0,
  };
}

function startStream(
  session: Session,
  statement: Statement,
  signal: AbortSignal,
): ReturnType<Session['queryStream']> | undefined {
  try {
    return session.queryStream(statement.sql, { format: statement.defaultFormat, signal });
  } catch (error) {
    if (error instanceof Error && error.message.includes(NOT_STREAMABLE)) return undefined;
    throw error;
  }
}
