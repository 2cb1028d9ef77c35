import type { z } from 'zod';

/** A ClickHouse that rows are inserted into. */
export interface AvroInsert {
  /** Where it is, without a password. */
  readonly place: string;
  ping(signal: AbortSignal): Promise<void>;
  command(sql: string, signal: AbortSignal): Promise<void>;
  query<Type>(schema: z.ZodType<Type>, sql: string, signal: AbortSignal): Promise<Type[]>;
  /** Inserts a stream; with the same token twice it counts once, where the table keeps tokens. */
  insertAvro(insert: {
    readonly sql: string;
    readonly token: string;
    readonly content: AsyncIterable<Uint8Array>;
    readonly signal: AbortSignal;
  }): Promise<{ readonly bytes: number }>;
  close(): Promise<void>;
}
