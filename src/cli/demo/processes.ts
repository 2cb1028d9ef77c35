import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A log-courier process that the demo started. */
export interface DemoProcess {
  /** Address of its dashboard, once it listens; never when it has none. */
  readonly dashboardUrl: Promise<string>;
  /** Address at which it takes reports, once it listens; never when it has no collector. */
  readonly collectorUrl: Promise<string>;
  /** Rejects when the process ends by itself. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../cli.js', import.meta.url));
const listening = z.object({ msg: z.enum(['dashboard listening', 'collector listening']), url: z.string() });

/**
 * Starts `log-courier run --roles …` as a process of its own, which ends with this one, however this one ends: it
 * notices that its channel closes. Its log goes into a file.
 */
export function startRun(
  roles: string,
  name: string,
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): DemoProcess {
  // In a group of its own, so that Ctrl-C reaches this process alone, which then stops the others in order.
  const child = spawn(process.execPath, [PROGRAM, 'run', '--roles', roles], {
    env: { ...environment },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const logFile = join(directory, `${name}.log`);
  let stopping = false;
  const exited = once(child, 'exit');
  const failed = exited.then(() => {
    if (stopping) return new Promise<never>(() => undefined);
    throw new Error(`${name} has ended by itself; its log is ${logFile}`);
  });
  failed.catch(() => undefined);
  return {
    ...readLog(child, logFile),
    failed,
    stop: async () => {
      stopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Copies the log into a file, and resolves with addresses when the log tells them. */
function readLog(child: ChildProcess, logFile: string): Pick<DemoProcess, 'dashboardUrl' | 'collectorUrl'> {
  child.stderr?.pipe(createWriteStream(logFile));
  const lines = child.stderr === null ? undefined : createInterface({ input: child.stderr });
  const urlOf = (msg: string): Promise<string> =>
    new Promise((resolve) => {
      lines?.on('line', (line) => {
        const event = listening.safeParse(parsed(line));
        if (event.success && event.data.msg === msg) resolve(event.data.url);
      });
    });
  return { dashboardUrl: urlOf('dashboard listening'), collectorUrl: urlOf('collector listening') };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
