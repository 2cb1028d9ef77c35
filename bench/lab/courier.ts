import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** How to start a log-courier. */
export interface CourierStart {
  /** As `--roles` takes them. */
  readonly roles: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Written anew. */
  readonly logFile: string;
}

const logLine = z.looseObject({ msg: z.string(), time: z.iso.datetime() });

/** One line of its log. */
export type LogLine = z.infer<typeof logLine>;

/** The compiled program as users run it, in a process of its own. */
export interface Courier {
  readonly pid: number;
  /** When it was started, in ms. */
  readonly startedAt: number;
  /** Resolves when it says that it runs. */
  readonly runs: Promise<void>;
  /** Rejects when it ends without having been told to. */
  readonly failed: Promise<never>;
  /** All lines of its log so far. */
  readonly log: () => Promise<readonly LogLine[]>;
  /** Ends it in order. */
  readonly stop: () => Promise<void>;
}

/** Time between looks into the log, in ms. */
const LOOK_AGAIN_MS = 20;

/** Starts `log-courier run`; the log goes into a file, as it does in production. */
export function startCourier({ roles, environment, logFile }: CourierStart): Courier {
  const log = openSync(logFile, 'w');
  const startedAt = Date.now();
  const child = spawn(PROGRAM, ['run', '--roles', roles], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    detached: true,
    stdio: ['ignore', 'ignore', log, 'ipc'],
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`log-courier could not be started: ${PROGRAM}`);
  let isStopping = false;
  const exited = once(child, 'exit');
  const failed = exited.then(() => {
    if (isStopping) return new Promise<never>(() => undefined);
    throw new Error(`log-courier (${roles}) has ended by itself; its log is ${logFile}`);
  });
  failed.catch(() => undefined);
  const readLog = async (): Promise<readonly LogLine[]> => linesOf(await readFile(logFile, 'utf8'));
  const says = async (msg: string): Promise<void> => {
    while (!isStopping && !(await readLog()).some((line) => line.msg === msg)) await sleep(LOOK_AGAIN_MS);
  };
  return {
    pid: child.pid,
    startedAt,
    runs: Promise.race([says('log-courier runs'), failed]),
    failed,
    log: readLog,
    stop: async () => {
      isStopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The last line may be half written. */
function linesOf(text: string): readonly LogLine[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => logLine.parse(JSON.parse(line)));
}
