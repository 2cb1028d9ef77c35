import { z } from 'zod';

/** Tells the process of the discovery benchmark to run one. */
export const cycleRequest = z.object({ cycle: z.literal(true) });

/** What one discovery did. */
export const cycleAnswer = z.object({ ms: z.number(), orders: z.number(), records: z.number() });

/** See {@link cycleAnswer}. */
export type CycleAnswer = z.infer<typeof cycleAnswer>;
