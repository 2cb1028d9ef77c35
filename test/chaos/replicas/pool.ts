import { join } from 'node:path';
import type { EventLog } from '../event-log.js';
import type { ProcessBook } from '../processes.js';
import { Replica, type ReplicaExit } from './replica.js';
import { SHUTDOWN_LIMIT_MS } from './settings.js';

/** What a pool needs. */
export interface PoolParts {
  readonly environment: Readonly<Record<string, string>>;
  /** Directory of the logs. */
  readonly logs: string;
  readonly processes: ProcessBook;
  readonly events: EventLog;
}

/** Every third replica only delivers; the others do everything. */
const ROLES = ['discovery,processors,dashboard', 'discovery,processors', 'processors'] as const;

/** The replicas, each in a numbered slot. */
export class ReplicaPool {
  readonly #slots = new Map<number, Replica>();
  readonly exits: ReplicaExit[] = [];
  /** How many have been started. */
  starts = 0;
  #wanted = 0;
  #closed = false;

  constructor(readonly parts: PoolParts) {}

  /** How many there should be. */
  get wanted(): number {
    return this.#wanted;
  }

  /** One that runs and is in nobody's hands, chosen by a number from 0 to 1; undefined when there is none. */
  idle(chance: number): Replica | undefined {
    const free = [...this.#slots.values()].filter((replica) => replica.isAlive && !replica.busy);
    return free[Math.floor(chance * free.length)];
  }

  /** Starts the replica of a slot, unless it runs or the pool has become smaller. */
  start(slot: number): void {
    if (this.#closed || slot >= this.#wanted || this.#slots.has(slot)) return;
    const { environment, logs, processes, events } = this.parts;
    const replica = new Replica({
      slot,
      roles: ROLES[slot % ROLES.length] ?? ROLES[0],
      environment,
      logFile: join(logs, `replica-${slot}.log`),
    });
    this.#slots.set(slot, replica);
    this.starts += 1;
    processes.add(replica.pid);
    events.note('replica started', { slot, pid: replica.pid, roles: replica.start.roles });
    void replica.exited.then((exit) => {
      this.#left(replica, exit);
    });
  }

  /** Sets how many there are: missing ones are started, the highest slots are ended in order. */
  async scale(wanted: number): Promise<void> {
    this.#wanted = wanted;
    for (let slot = 0; slot < wanted; slot += 1) this.start(slot);
    const surplus = [...this.#slots].filter(([slot, { busy }]) => slot >= wanted && !busy);
    await Promise.all(surplus.map(([, replica]) => this.terminate(replica)));
  }

  /** Ends one in order. */
  async terminate(replica: Replica): Promise<void> {
    replica.busy = true;
    await replica.terminate(SHUTDOWN_LIMIT_MS);
  }

  /** Ends all in order, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#slots.values()].map((replica) => this.terminate(replica)));
  }

  /** Kills all, for good. */
  async killAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#slots.values()].map((replica) => replica.kill()));
  }

  #left(replica: Replica, exit: ReplicaExit): void {
    const { slot } = exit;
    this.exits.push(exit);
    if (this.#slots.get(slot) === replica) this.#slots.delete(slot);
    this.parts.events.note('replica ended', { ...exit });
    // One that ended by itself is a finding, and is started again as any supervisor would.
    if (exit.told === 'nothing') this.start(slot);
  }
}
