import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pause } from '../pause.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** How a replica ended. */
export interface ReplicaExit {
  readonly slot: number;
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it had been sent. */
  readonly told: 'SIGKILL' | 'SIGTERM' | 'nothing';
  /** Why that end is a finding; missing when it is as it should be. */
  readonly complaint?: string;
}

/** How to start a replica. */
export interface ReplicaStart {
  readonly slot: number;
  readonly roles: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Its log is added to the end. */
  readonly logFile: string;
}

/** One process `log-courier run`. */
export class Replica {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<ReplicaExit>;
  /** True while a fault has it: others leave it alone. */
  busy = false;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #logBegins: number;
  #told: ReplicaExit['told'] = 'nothing';
  #heard = true;
  #tooLate: string | undefined;

  constructor(readonly start: ReplicaStart) {
    const log = openSync(start.logFile, 'a');
    this.#logFile = start.logFile;
    this.#logBegins = statSync(start.logFile).size;
    // In a group of its own, so that Ctrl-C does not reach it; it ends when the channel to this process closes.
    this.#child = spawn(process.execPath, [PROGRAM, 'run', '--roles', start.roles], {
      env: { ...start.environment },
      detached: true,
      stdio: ['ignore', 'ignore', log, 'ipc'],
    });
    closeSync(log);
    if (this.#child.pid === undefined) throw new Error(`a replica could not be started: ${PROGRAM}`);
    this.pid = this.#child.pid;
    this.exited = once(this.#child, 'exit').then(() => this.#exit());
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#told = 'SIGKILL';
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Stops its clock, as a paused virtual machine or a long garbage collection does. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Asks it to end in order; kills it when it takes longer than the limit, which is a finding. */
  async terminate(limitMs: number): Promise<ReplicaExit> {
    this.#told = 'SIGTERM';
    // A process that has not come so far as to hear signals is simply ended by one.
    this.#heard = this.#hasLogged();
    this.#child.kill('SIGTERM');
    const ended = new AbortController();
    const exit = this.exited.finally(() => {
      ended.abort();
    });
    await pause(limitMs, ended.signal);
    if (this.isAlive) {
      this.#tooLate = `did not end within ${limitMs} ms of SIGTERM`;
      this.#child.kill('SIGKILL');
    }
    return exit;
  }

  #exit(): ReplicaExit {
    const { exitCode: code, signalCode: signal } = this.#child;
    const complaint = this.#complaint(code, signal);
    return {
      slot: this.start.slot,
      pid: this.pid,
      code,
      signal,
      told: this.#told,
      ...(complaint === undefined ? {} : { complaint }),
    };
  }

  #complaint(code: number | null, signal: NodeJS.Signals | null): string | undefined {
    if (this.#tooLate !== undefined) return this.#tooLate;
    switch (this.#told) {
      case 'SIGKILL':
        return undefined;
      case 'SIGTERM':
        if (code === 0 || (!this.#heard && signal === 'SIGTERM')) return undefined;
        return `ended with ${String(code ?? signal)} after SIGTERM`;
      case 'nothing':
        return `ended by itself with ${String(code ?? signal)}`;
    }
  }

  #hasLogged(): boolean {
    const file = openSync(this.#logFile, 'r');
    try {
      return readSync(file, Buffer.alloc(1), 0, 1, this.#logBegins) > 0;
    } finally {
      closeSync(file);
    }
  }
}
