import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';

const LOADER = fileURLToPath(new URL('../../scripts/loader/register.mjs', import.meta.url));

/** A TypeScript file of the benchmark in a process of its own, which ends no later than this one. */
export interface Script {
  readonly pid: number;
  readonly send: (message: object) => void;
  /** The next message that it sends. Rejects when it ends instead, or sends something else. */
  readonly next: <Message>(schema: z.ZodType<Message>) => Promise<Message>;
  readonly stop: () => Promise<void>;
}

/** Starts a file, given by its path from this folder, with arguments and variables besides those of this process. */
export function startScript(
  file: string,
  words: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Script {
  const path = fileURLToPath(new URL(file, import.meta.url));
  // In a group of its own, so that Ctrl-C does not reach it; it ends when the channel closes.
  const child = spawn(process.execPath, ['--import', LOADER, path, ...words], {
    env: { ...process.env, ...environment },
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  if (child.pid === undefined) throw new Error(`${file} could not be started`);
  const exited = once(child, 'exit');
  exited.catch(() => undefined);
  return {
    pid: child.pid,
    send: (message) => child.send(message),
    next: async (schema) => schema.parse(await nextMessage(child, file)),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function nextMessage(child: ChildProcess, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(message);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      reject(new Error(`${file} ended with ${String(code ?? signal)} before it had answered`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
