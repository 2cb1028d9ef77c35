import { expect, test } from '@jest/globals';
import { tablesOptionsFrom } from './options.js';
import { tablesViolations } from './report.js';
import { runTables } from './run-tables.js';

/** Machines differ, and this is one that must not hang: how long it takes is no matter. */
const LIMIT_MS = 600_000;

test(
  'rows that are committed out of order reach every destination once, and are deleted only then, while replicas are killed',
  async () => {
    const options = tablesOptionsFrom(['--kills', '6', '--replicas', '2', '--seed', '3']);
    const report = await runTables(options, { stop: new AbortController().signal });
    const broken = Object.entries(tablesViolations(report)).filter(([, count]) => count > 0);
    expect({ broken, evidence: report.evidence }).toEqual({ broken: [], evidence: undefined });
    expect(report.kills).toBe(6);
    expect(report.destinations.map(({ destination }) => destination)).toEqual(['files', 'S3', 'ClickHouse']);
  },
  LIMIT_MS,
);
