import { pause } from '../pause.js';
import type { Random } from '../random.js';
import { FAULTS } from './all.js';
import type { Trouble, World } from './fault.js';

const WAIT_MS = [300, 3000] as const;

/** Faults that were injected. */
export interface FaultCounts {
  readonly total: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Those that found nothing to do, e.g. no replica that was not being killed already. */
  readonly idle: number;
}

interface PlannedFault {
  readonly waitMs: number;
  readonly name: string;
  readonly trouble: Trouble;
}

/** The endless list of faults of a seed: it does not depend on what they do. */
export function* planFaults(random: Random): Generator<PlannedFault, never> {
  for (;;) {
    const waitMs = random.between(...WAIT_MS);
    const fault = random.weighted(FAULTS);
    yield { waitMs, name: fault.name, trouble: fault.draw(random.fork()) };
  }
}

/** Injects faults until the world stops, and resolves when the last one is over and mended. */
export async function injectFaults(
  world: World,
  random: Random,
  onFault: (counts: FaultCounts) => void,
): Promise<FaultCounts> {
  const byKind: Record<string, number> = {};
  const under = new Set<Promise<void>>();
  let [total, idle] = [0, 0];
  const counts = (): FaultCounts => ({ total, byKind, idle });
  for (const { waitMs, name, trouble } of planFaults(random)) {
    await pause(waitMs, world.stop);
    if (world.stop.aborted) break;
    total += 1;
    byKind[name] = (byKind[name] ?? 0) + 1;
    const number = total;
    world.events.note('fault', { number, name, ...trouble.details });
    const ended = happen(world, trouble, { number, name }).then((done) => {
      if (!done) idle += 1;
      under.delete(ended);
    });
    under.add(ended);
    onFault(counts());
  }
  await Promise.all(under);
  return counts();
}

/** Answers false when there was nothing to do, or when it went wrong, as with an engine that does not start again. */
async function happen(
  world: World,
  trouble: Trouble,
  about: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  try {
    const done = await trouble.happen(world);
    world.events.note('fault over', { ...about, done });
    return done;
  } catch (error) {
    world.events.note('fault failed', { ...about, error: String(error) });
    return false;
  }
}
