import { z } from 'zod';

const pairs = z.array(z.tuple([z.string(), z.string()]).readonly()).readonly();
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const runMessage = z.object({
  type: z.literal('run'),
  statement: z.object({
    sql: z.string(),
    dataFile: z.string().optional(),
    defaultFormat: z.string(),
    database: z.string(),
    settings: pairs,
    parameters: pairs,
  }),
});

/** What the server asks of a worker thread: one statement at a time, and room for its blocks. */
export const toWorker = z.discriminatedUnion('type', [
  runMessage,
  /** One more block may be sent. */
  z.object({ type: z.literal('more') }),
  /** Nobody waits for the result any more. */
  z.object({ type: z.literal('cancel') }),
]);

/** What a worker thread answers: blocks, and then exactly one of `done` and `failed`. */
export const fromWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('block'), bytes }),
  z.object({
    type: z.literal('done'),
    summary: z.object({ readRows: z.number(), readBytes: z.number(), writtenRows: z.number() }),
  }),
  z.object({ type: z.literal('failed'), text: z.string() }),
]);

/** A message to a worker thread. */
export type ToWorker = z.infer<typeof toWorker>;
/** A message from a worker thread. */
export type FromWorker = z.infer<typeof fromWorker>;

/** Blocks that a worker sends ahead of the reader; a block is about 65,000 rows. */
export const BLOCKS_AHEAD = 2;
