import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { runChild } from './child-process.js';
import { lockDirectory } from '../config/directory-lock.js';
import { NOT_INSTALLED } from './engine.js';
import { freePort } from './listen.js';

/** A program of this machine that an engine is made of is not there. */
export class ProgramMissingError extends Error {
  override readonly name = 'ProgramMissingError';
  /** Tells the parent process what kind of failure this is. */
  readonly code = NOT_INSTALLED;
}

/** The port was taken between the moment it was chosen and the moment the server opened it. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';

  constructor(readonly port: number) {
    super(`Port ${port} of 127.0.0.1 is in use by another process.`);
  }
}

/** A server that runs. */
export type ServerProcess = ChildProcess & { readonly pid: number };

/** A server that is a program of this machine. */
export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly port: number;
  /** What to say when the program is not there: how to install it. */
  readonly missing: string;
  /** Tells whether the server takes requests. */
  readonly answers: (port: number) => Promise<boolean>;
}

/** Time between two looks whether a server takes requests, in ms. */
const LOOK_AGAIN_MS = 25;
/** How much of what a server says last is kept, in characters. */
const OUTPUT_KEPT = 4096;

/**
 * Starts a server and waits until it takes requests. It ends with this process.
 *
 * @throws {ProgramMissingError} {@link PortTakenError}, or Error when it ends before it takes requests
 */
export async function startServerProcess(program: ServerProgram): Promise<ServerProcess> {
  const { command, args, port } = program;
  const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // The server must not outlive its guardian, also when that ends while the server still starts.
  process.once('exit', () => server.kill('SIGKILL'));
  let output = '';
  const keep = (chunk: Buffer): void => {
    process.stdout.write(chunk);
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
  };
  server.stdout.on('data', keep);
  server.stderr.on('data', keep);
  const ended = once(server, 'close');
  try {
    await once(server, 'spawn');
  } catch (error) {
    ended.catch(() => undefined);
    throw new ProgramMissingError(program.missing, { cause: error });
  }
  const alive = (): boolean => server.exitCode === null && server.signalCode === null;
  while (alive() && !(await program.answers(port))) await Promise.race([sleep(LOOK_AGAIN_MS), ended]);
  if (alive() && server.pid !== undefined) return Object.assign(server, { pid: server.pid });
  await ended;
  if (/address already in use/i.test(output)) throw new PortTakenError(port);
  throw new Error(`${command} ended before it was ready: ${output.trim().split('\n').at(-1) ?? ''}`);
}

/** A predecessor that lost its parent needs a moment to end. */
const LOCK_PATIENCE_SECONDS = 10;
const PORT_ATTEMPTS = 10;

const optionsSchema = z.object({ directory: z.string(), port: z.number() });

/**
 * The guardian of a server which knows nothing of parents: it ends the server when the parent is gone, and ends as the
 * server ended.
 *
 * @param start starts the server with its data in a directory, which nobody else uses, on a port
 * @throws what `start` throws, to the parent
 */
export function guardServer(
  start: (directory: string, port: number, options: unknown) => Promise<ServerProcess>,
): void {
  runChild(async (value) => {
    const options = optionsSchema.parse(value);
    const directory = resolve(options.directory);
    const unlock = await lockDirectory(directory, LOCK_PATIENCE_SECONDS);
    const onPort = (port: number): Promise<ServerProcess> => start(directory, port, value);
    const { server, port } = await startOnPort(onPort, options.port);
    let stopping = false;
    server.once('exit', (code, signal) => {
      unlock();
      if (stopping) return;
      if (signal === null) process.exit(code ?? 1);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
    return {
      port,
      pid: server.pid,
      stop: async () => {
        stopping = true;
        const ended = once(server, 'exit');
        server.kill('SIGTERM');
        await ended;
      },
    };
  });
}

/** A server cannot say which port it got, so a free one is chosen for it, again when it is taken meanwhile. */
async function startOnPort(
  start: (port: number) => Promise<ServerProcess>,
  wanted: number,
): Promise<{ server: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await freePort() : wanted;
    try {
      return { server: await start(port), port };
    } catch (error) {
      if (!(error instanceof PortTakenError) || wanted !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
