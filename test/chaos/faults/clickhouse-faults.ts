import { proxyFault } from './proxy-faults.js';

const common = {
  proxyOf: ({ clickhouseProxy }) => clickhouseProxy,
  forMs: [300, 3000],
  hits: [0.1, 0.3],
  fits: () => true,
} satisfies Pick<Parameters<typeof proxyFault>[0], 'proxyOf' | 'forMs' | 'hits' | 'fits'>;

/** What happens between log-courier and ClickHouse. */
export const CLICKHOUSE_FAULTS = [
  proxyFault({
    ...common,
    name: 'ClickHouse breaks off answers',
    weight: 5,
    hits: [0.2, 0.5, 1],
    harm: (random) => ({ kind: 'cut-answer', afterBytes: random.integer(1, 20_000) }),
  }),
  proxyFault({
    ...common,
    name: 'ClickHouse loses answers',
    weight: 3,
    harm: () => ({ kind: 'drop-answer' }),
  }),
  proxyFault({
    ...common,
    name: 'ClickHouse resets requests',
    weight: 2,
    harm: (random) => ({ kind: 'cut-request', afterBytes: random.integer(1, 500) }),
  }),
  proxyFault({
    ...common,
    name: 'ClickHouse gets statements late',
    weight: 3,
    harm: (random) => ({ kind: 'late', milliseconds: random.between(500, 20_000) }),
  }),
] as const;
