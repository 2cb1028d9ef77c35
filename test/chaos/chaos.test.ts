import { expect, test } from '@jest/globals';
import { optionsFrom } from './options.js';
import { runChaos } from './run-chaos.js';
import { violations } from './verdict/report.js';

/** Machines differ, and this is one that must not hang: how long it takes is no matter. */
const LIMIT_MS = 1_200_000;

test(
  'invariants 1 to 5: a minute of kills, outages, a wiped Redis, late records and targets that come and go loses nothing and repeats nothing',
  async () => {
    const options = optionsFrom([
      '--minutes',
      '1',
      '--replicas',
      '2',
      '--seed',
      '20',
      '--rate',
      '150',
      '--settle-seconds',
      '900',
    ]);
    const report = await runChaos(options, { stop: new AbortController().signal });
    const broken = Object.entries(violations(report)).filter(([, count]) => count > 0);
    expect({ broken, evidence: report.evidence }).toEqual({ broken: [], evidence: undefined });
    expect(report.faults.total).toBeGreaterThan(10);
    expect(report.lateRecords).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
