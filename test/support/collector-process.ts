import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** A collector in a process of its own. */
export interface CollectorProcess {
  readonly url: string;
  /** SIGKILL. Resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Lets it end as it should. */
  readonly end: () => Promise<void>;
}

/** Starts one. */
export async function startCollectorProcess(spool: string): Promise<CollectorProcess> {
  const register = pathOf('../../scripts/loader/register.mjs');
  const child = spawn(process.execPath, ['--import', register, pathOf('collector-main.ts')], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      LOG_COURIER_REPORTS_SPOOL_DIRECTORY: spool,
      LOG_COURIER_REPORTS_LISTEN_PORT: '0',
      LOG_COURIER_REPORTS_SEGMENT_MAX_BYTES: '20000',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const message: unknown = await Promise.race([
    once(child, 'message').then(([first]): unknown => first),
    exited.then(([code]) => {
      throw new Error(`the collector ended with ${String(code)}`);
    }),
  ]);
  return {
    url: z.object({ url: z.string() }).parse(message).url,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    end: async () => {
      child.send({ end: true });
      await exited;
    },
  };
}
