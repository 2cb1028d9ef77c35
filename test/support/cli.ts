import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { main } from '../../src/cli/main.js';

/** How a command line ended, and what it wrote. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Environment variables of a command line; nothing else is handed on, so that a developer's own do not count. */
export type Environment = Readonly<Record<string, string>>;

/** What a command line runs with. */
export interface RunOptions {
  readonly environment?: Environment;
  /** Aborted to stop it, as a signal would. */
  readonly stop?: AbortSignal;
  /** Called with all that it has printed so far. */
  readonly onPrint?: (stdout: string) => void;
}

/** Runs a command line in this process. The log goes to the real standard error and is not captured. */
export async function runCli(
  words: readonly string[],
  { environment = {}, stop, onPrint = () => undefined }: RunOptions = {},
): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  const output = (stream: keyof typeof written) => ({
    isTTY: false,
    write: (text: string) => {
      written[stream] += text;
      if (stream === 'stdout') onPrint(written.stdout);
    },
  });
  const status = await main(words, {
    stdout: output('stdout'),
    stderr: output('stderr'),
    environment,
    stop: stop ?? new AbortController().signal,
    exitCode: 0,
  });
  return { status, ...written };
}

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const logLine = z.looseObject({ msg: z.string() });

/** One line of a process's log. */
export type LogEvent = z.infer<typeof logLine>;

/** The compiled program in a process of its own. */
export interface CliProcess {
  readonly pid: number;
  /** Resolves with the first event of the log, past or to come, that the condition holds for. Rejects at the end. */
  readonly logged: (condition: (event: LogEvent) => boolean) => Promise<LogEvent>;
  /** Resolves with all that was printed, once the condition holds for it. Rejects at the end. */
  readonly printed: (condition: (stdout: string) => boolean) => Promise<string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves when the process has ended; the status of one that a signal ended is null. */
  readonly ended: Promise<Omit<CliResult, 'status'> & { readonly status: number | null }>;
  readonly hasEnded: () => boolean;
}

const running = new Set<ChildProcess>();

/** Starts the compiled program; {@link killAll} ends what a failed test has left. */
export function spawnCli(
  words: readonly string[],
  { environment = {}, cwd }: { readonly environment?: Environment; readonly cwd?: string } = {},
): CliProcess {
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  const { pid } = child;
  if (pid === undefined) throw new Error('log-courier could not be started');
  const log = followLog(child);
  const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)];
  const orEnd = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
    Promise.race([
      answer,
      ended.then((result) => {
        throw new Error(`log-courier has ended: ${JSON.stringify(result)}`);
      }),
    ]);
  const ended = once(child, 'close').then(() => {
    running.delete(child);
    return { status: child.exitCode, stdout: stdout(), stderr: stderr() };
  });
  return {
    pid,
    logged: (condition) => orEnd(log(condition)),
    printed: (condition) =>
      orEnd(
        new Promise((resolve) => {
          const look = (): void => {
            if (condition(stdout())) resolve(stdout());
          };
          child.stdout.on('data', look);
          look();
        }),
      ),
    kill: (signal) => child.kill(signal),
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
  };
}

/** Kills what {@link spawnCli} started and waits until it is gone; for `afterAll`. */
export async function killAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

function gather(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

function followLog(child: ChildProcess): (condition: (event: LogEvent) => boolean) => Promise<LogEvent> {
  const past: LogEvent[] = [];
  const waiting = new Set<(event: LogEvent) => void>();
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const event = logLine.safeParse(parsed(line));
      if (!event.success) return;
      past.push(event.data);
      for (const tell of [...waiting]) tell(event.data);
    });
  }
  return (condition) => {
    const known = past.find(condition);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const look = (event: LogEvent): void => {
        if (!condition(event)) return;
        waiting.delete(look);
        resolve(event);
      };
      waiting.add(look);
    });
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
