/** A source of chance that repeats itself: what it draws depends on its seed alone. */
export interface Random {
  /** A number from 0 up to, but not including, 1. */
  readonly next: () => number;
  /** A number from `low` up to, but not including, `high`. */
  readonly between: (low: number, high: number) => number;
  /** A whole number from `low` up to and including `high`. */
  readonly integer: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <Item>(items: readonly [Item, ...Item[]]) => Item;
  /** One item, each as likely as its weight says. */
  readonly weighted: <Item extends Weighted>(items: readonly [Item, ...Item[]]) => Item;
  /** Another source, whose draws do not depend on how many are made here afterwards. */
  readonly fork: () => Random;
}

/** Something that is drawn more often than others. */
export interface Weighted {
  readonly weight: number;
}

/** @param seed a whole number; its lowest 32 bits count */
export function seeded(seed: number): Random {
  const next = mulberry32(seed);
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    integer,
    chance: (probability) => next() < probability,
    pick: (items) => items[integer(0, items.length - 1)] ?? items[0],
    weighted: (items) => {
      let left = next() * items.reduce((sum, { weight }) => sum + weight, 0);
      for (const item of items) {
        left -= item.weight;
        if (left < 0) return item;
      }
      return items[0];
    },
    fork: () => seeded(integer(0, 0xffff_ffff)),
  };
}

/** Tommy Ettinger's generator with 32 bits of state: plenty for a list of faults. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
