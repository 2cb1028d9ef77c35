import type { Statement, Summary } from './statement.js';

/** What the server asks of a worker thread: one statement at a time, and room for its blocks. */
export type ToWorker =
  | { readonly type: 'run'; readonly statement: Statement }
  /** One more block may be sent. */
  | { readonly type: 'more' }
  /** Nobody waits for the result any more. */
  | { readonly type: 'cancel' }
  /** No statement will come any more: the thread is to let go of the engine, and ends. */
  | { readonly type: 'close' };

/** What a worker thread answers: blocks, and then exactly one of `done` and `failed`. */
export type FromWorker =
  | { readonly type: 'block'; readonly bytes: Uint8Array }
  | { readonly type: 'done'; readonly summary: Summary }
  | { readonly type: 'failed'; readonly text: string };

/** Blocks that a worker sends ahead of the reader; a block is about 65,000 rows. */
export const BLOCKS_AHEAD = 2;
