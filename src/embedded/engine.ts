import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fromChild, type FromChild, type ToChild } from './child-messages.js';
import { errorCode } from './error-code.js';
import { EngineMissingError, EngineStartError, type EngineName } from './errors.js';

/** How a process ended: with a code, or by a signal. */
export interface EngineExit {
  readonly engine: EngineName;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** An engine in a process of its own, which ends no later than this one. */
export interface Engine {
  readonly name: EngineName;
  /** Where clients reach it. */
  readonly url: string;
  readonly port: number;
  /** The engine's process. */
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. Never rejects. */
  readonly exited: Promise<EngineExit>;
  /** Ends the engine in order and waits until it is gone. */
  readonly stop: () => Promise<void>;
  /** Ends the engine with SIGKILL, as a crash would, and waits until it is gone. */
  readonly kill: () => Promise<void>;
}

/** How to start one engine. */
export interface EngineOptions {
  /** Directory of its data, made when missing. */
  readonly dir: string;
  /** Port on 127.0.0.1; any that is free when missing. */
  readonly port?: number;
  /** Gives up the start. A running engine is not touched. */
  readonly signal?: AbortSignal;
}

/** The child that holds an engine. */
export interface ChildOptions {
  readonly name: EngineName;
  /** Its compiled entry file. */
  readonly file: string;
  /** Directory of its data and of its log. */
  readonly dir: string;
  /** What the entry file is told. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly urlScheme: 'http' | 'mysql' | 'redis';
  /** Environment variables besides this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Options that Node.js is started with. */
  readonly nodeFlags?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * How long an engine may take to end in order, in ms. A child ends itself before that, unless it hangs in native code,
 * where it hears nothing. What was acknowledged is on disk in any case.
 */
const STOP_PATIENCE_MS = 15_000;

/** Code with which a child says that something is not installed. */
export const NOT_INSTALLED = 'NOT_INSTALLED';

/**
 * Starts the child that holds an engine and waits until the engine answers. The child has a process group
 * of its own, so that Ctrl-C does not reach it, and ends when this process ends.
 *
 * @throws EngineMissingError, EngineStartError
 */
export async function startEngine(child: ChildOptions): Promise<Engine> {
  child.signal?.throwIfAborted();
  mkdirSync(child.dir, { recursive: true });
  const logFile = join(child.dir, `${child.name}.log`);
  const process_ = spawnChild(child, logFile);
  const exited = exitOf(child.name, process_);
  const onAbort = (): boolean => process_.kill('SIGTERM');
  child.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    tell(process_, { type: 'start', options: child.options });
    const { port, pid } = await readiness(child, process_, exited, logFile);
    return engineOf(child, process_, exited, port, pid);
  } finally {
    child.signal?.removeEventListener('abort', onAbort);
  }
}

function spawnChild(child: ChildOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(process.execPath, [...(child.nodeFlags ?? []), child.file], {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, ...child.environment },
    });
  } finally {
    closeSync(log);
  }
}

function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message);
}

async function exitOf(engine: EngineName, child: ChildProcess): Promise<EngineExit> {
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve({ engine, code: null, signal: null });
    });
    child.once('exit', (code, signal) => {
      resolve({ engine, code, signal });
    });
  });
}

async function readiness(
  child: ChildOptions,
  process_: ChildProcess,
  exited: Promise<EngineExit>,
  logFile: string,
): Promise<{ port: number; pid: number }> {
  const answer = new Promise<FromChild>((resolve) => {
    process_.once('message', (value) => {
      resolve(fromChild.parse(value));
    });
  });
  const message = await Promise.race([answer, exited]);
  if ('engine' in message) {
    child.signal?.throwIfAborted();
    throw new EngineStartError(
      child.name,
      `The embedded ${child.name} ended before it was ready (code ${String(message.code)}, signal ${String(message.signal)}). See ${logFile}.`,
    );
  }
  if (message.type === 'ready') return message;
  await exited;
  if (message.code === NOT_INSTALLED) throw new EngineMissingError(child.name, message.message);
  throw new EngineStartError(
    child.name,
    `The embedded ${child.name} did not start in ${child.dir}: ${message.message} More may be in ${logFile}.`,
  );
}

function engineOf(
  child: ChildOptions,
  process_: ChildProcess,
  exited: Promise<EngineExit>,
  port: number,
  pid: number,
): Engine {
  return {
    name: child.name,
    url: `${child.urlScheme}://127.0.0.1:${port}`,
    port,
    pid,
    exited,
    stop: async () => {
      tell(process_, { type: 'stop' });
      const timer = setTimeout(() => {
        killNow(process_, pid);
        process_.kill('SIGKILL');
      }, STOP_PATIENCE_MS);
      await exited;
      clearTimeout(timer);
    },
    kill: async () => {
      killNow(process_, pid);
      await exited;
    },
  };
}

/** Kills the process that holds the engine, which may be a child of the child. */
function killNow(child: ChildProcess, pid: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
