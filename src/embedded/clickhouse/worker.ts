import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { execute } from './execute.js';
import { BLOCKS_AHEAD, type FromWorker, type ToWorker } from './messages.js';
import { Sessions } from './sessions.js';
import type { Statement } from './statement.js';

/**
 * A thread that runs one statement at a time. Threads are needed because the engine evaluates scalar
 * subqueries of a streamed SELECT while it starts it, on the thread that asks: on the server's own thread
 * that would hold up every other request.
 */
const { directory } = z.object({ directory: z.string() }).parse(workerData);
const { Session } = await import('chdb');
const sessions = new Sessions(() => new Session(directory));

let room = 0;
let roomMade: (() => void) | undefined;
let cancellation = new AbortController();

/** Blocks have some tens of megabytes: they are handed over, not copied, when their memory is theirs alone. */
function send(message: FromWorker): void {
  const memory = message.type === 'block' ? message.bytes.buffer : undefined;
  const isOwn = memory instanceof ArrayBuffer && memory.byteLength === bytesOf(message);
  parentPort?.postMessage(message, isOwn ? [memory] : []);
}

function bytesOf(message: FromWorker): number {
  return message.type === 'block' ? message.bytes.byteLength : 0;
}

async function waitForRoom(): Promise<void> {
  while (room === 0 && !cancellation.signal.aborted) {
    await new Promise<void>((resolve) => (roomMade = resolve));
  }
  room -= 1;
}

async function run(statement: Statement): Promise<void> {
  try {
    const { signal } = cancellation;
    const blocks = sessions.during(statement, (session) => execute(session, statement, signal));
    let next = await blocks.next();
    while (next.done !== true) {
      await waitForRoom();
      send({ type: 'block', bytes: next.value });
      next = await blocks.next();
    }
    send({ type: 'done', summary: next.value });
  } catch (error) {
    send({ type: 'failed', text: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on('message', (message: ToWorker) => {
  if (message.type === 'run') {
    room = BLOCKS_AHEAD;
    cancellation = new AbortController();
    void run(message.statement);
    return;
  }
  if (message.type === 'close') {
    sessions.close();
    parentPort?.close();
    return;
  }
  if (message.type === 'more') room += 1;
  else cancellation.abort();
  roomMade?.();
});
