import { pause } from '../pause.js';
import type { Replica } from '../replicas/replica.js';
import type { Fault, World } from './fault.js';

/** SIGKILL, and a new process after a while. */
const killed: Fault = {
  name: 'replica killed',
  weight: 10,
  draw: (random) => {
    const [which, awayMs] = [random.next(), random.between(0, 3000)];
    return {
      details: { awayMs },
      happen: (world) =>
        withReplica(world, which, async (replica) => {
          await replica.kill();
          await pause(awayMs, world.stop);
        }),
    };
  },
};

/** SIGSTOP, and SIGCONT after a while: sometimes long after its locks have gone to others. */
const frozen: Fault = {
  name: 'replica frozen',
  weight: 7,
  draw: (random) => {
    const [which, long] = [random.next(), random.chance(0.4)];
    const forMs = long ? random.between(6000, 15_000) : random.between(300, 4000);
    return {
      details: { forMs },
      happen: (world) =>
        withReplica(world, which, async (replica) => {
          replica.freeze();
          await pause(forMs, world.stop);
          replica.resume();
        }),
    };
  },
};

/** SIGTERM, as in a rolling restart. */
const restarted: Fault = {
  name: 'replica restarted',
  weight: 6,
  draw: (random) => {
    const [which, awayMs] = [random.next(), random.between(0, 1000)];
    return {
      details: { awayMs },
      happen: (world) =>
        withReplica(world, which, async (replica) => {
          await world.replicas.terminate(replica);
          await pause(awayMs, world.stop);
        }),
    };
  },
};

/** From one replica to two more than usual, and back. */
const scaled: Fault = {
  name: 'replicas scaled',
  weight: 3,
  draw: (random) => {
    const [share, forMs] = [random.next(), random.between(1000, 8000)];
    return {
      details: { share, forMs },
      happen: async (world) => {
        const { replicas, usualReplicas } = world;
        await replicas.scale(1 + Math.floor(share * (usualReplicas + 2)));
        await pause(forMs, world.stop);
        await replicas.scale(usualReplicas);
        return true;
      },
    };
  },
};

/** Has one replica to itself, and sees to it that its slot is taken again. */
async function withReplica(
  { replicas }: World,
  which: number,
  task: (replica: Replica) => Promise<void>,
): Promise<boolean> {
  const replica = replicas.idle(which);
  if (replica === undefined) return false;
  replica.busy = true;
  await task(replica);
  replica.busy = false;
  replicas.start(replica.start.slot);
  return true;
}

/** What happens to the processes of log-courier. */
export const REPLICA_FAULTS = [killed, frozen, restarted, scaled] as const;
