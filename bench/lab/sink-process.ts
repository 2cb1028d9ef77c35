import { z } from 'zod';
import { startScript } from './script.js';

const statsSchema = z.object({
  objects: z.number(),
  bytes: z.number(),
  newlines: z.number(),
  requests: z.number(),
});

/** What a sink has taken since it was reset; see `ObjectIndex`. */
export type SinkStats = z.infer<typeof statsSchema>;

/** A sink in a process of its own. */
export interface SinkProcess {
  readonly url: string;
  readonly pid: number;
  readonly stats: () => Promise<SinkStats>;
  /** Has it forget all objects. */
  readonly reset: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** How to start one. */
export interface SinkStart {
  readonly latencyMs?: number;
  readonly newlines?: boolean;
}

/** Starts a sink on a free port of 127.0.0.1. */
export async function startSink({ latencyMs = 0, newlines = false }: SinkStart = {}): Promise<SinkProcess> {
  const flags = ['--latency-ms', String(latencyMs), ...(newlines ? ['--newlines'] : [])];
  const script = startScript('../sink/main.ts', flags);
  const { port } = await script.next(z.object({ port: z.number() }));
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string): Promise<SinkStats> => {
    const response = await fetch(`${url}${path}`);
    return statsSchema.parse(await response.json());
  };
  return {
    url,
    pid: script.pid,
    stats: () => ask('/__stats'),
    reset: async () => {
      await ask('/__reset');
    },
    stop: script.stop,
  };
}
