import { z } from 'zod';

/** What the parent tells a child: first how to start, later to stop. */
export const toChild = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), options: z.unknown() }),
  z.object({ type: z.literal('stop') }),
]);

/** What a child answers to `start`. */
export const fromChild = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), port: z.number(), pid: z.number() }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string() }),
]);

/** A message to a child. */
export type ToChild = z.infer<typeof toChild>;
/** A message from a child. */
export type FromChild = z.infer<typeof fromChild>;
