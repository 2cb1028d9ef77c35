import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const logLine = z.looseObject({ level: z.string(), msg: z.string(), order: z.string().optional() });

/** What the logs of all replicas tell. */
export interface LogSummary {
  /** Deliveries beyond the first one of an order. */
  readonly redeliveries: number;
  /** How often each warning and error was logged. */
  readonly complaints: Readonly<Record<string, number>>;
  /** Lines that are no JSON: a crash of Node.js, for instance. */
  readonly unreadable: readonly string[];
}

/** Reads every log in a directory. */
export async function summarizeLogs(directory: string): Promise<LogSummary> {
  const deliveries = new Map<string, number>();
  const complaints: Record<string, number> = {};
  const unreadable: string[] = [];
  for (const name of await readdir(directory)) {
    for await (const line of createInterface({ input: createReadStream(join(directory, name)) })) {
      const event = logLine.safeParse(parsed(line));
      if (!event.success) {
        unreadable.push(`${name}: ${line}`);
        continue;
      }
      const { level, msg, order } = event.data;
      if (msg === 'delivered' && order !== undefined) deliveries.set(order, (deliveries.get(order) ?? 0) + 1);
      if (level === 'warn' || level === 'error')
        complaints[`${level}: ${msg}`] = (complaints[`${level}: ${msg}`] ?? 0) + 1;
    }
  }
  const all = [...deliveries.values()].reduce((sum, count) => sum + count, 0);
  return { redeliveries: all - deliveries.size, complaints, unreadable };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
