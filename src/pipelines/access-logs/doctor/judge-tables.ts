import { argumentsIn, type ExpectedTable } from '../../../clickhouse/expected-tables.js';
import { about, ok, problem, warning, type Finding } from '../../finding.js';
import type { FoundTable, FoundTables } from './tables.js';

/** Views that are a help: without them log-courier works, at a cost. */
const DISPENSABLE = 'MaterializedView';

const APPLY = 'run `log-courier schema apply` with the same settings';

/** Judges tables and views by what the schema makes. */
export function judgeTables(
  expected: readonly ExpectedTable[],
  { tables, nodes, expectedNodes }: FoundTables,
): readonly Finding[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const bad = expected.flatMap((table) => judgeTable(table, byName.get(table.name), nodes));
  const findings = [...judgeNodes(nodes, expectedNodes), ...bad];
  const names = expected
    .filter(({ name }) => !bad.some(({ subject }) => subject === name))
    .map(({ name }) => name);
  return names.length === 0
    ? findings
    : [...findings, ok(about('clickhouse.tables'), `as the schema makes them: ${names.join(', ')}`)];
}

function judgeNodes(nodes: number, expected: number): readonly Finding[] {
  const on = about('clickhouse.cluster');
  if (expected === 0)
    return [
      problem(
        on,
        'ClickHouse knows no such cluster',
        'set clickhouse.cluster to one that system.clusters lists',
      ),
    ];
  if (nodes >= expected) return [];
  return [
    warning(
      on,
      `${String(nodes)} of ${String(expected)} nodes of the cluster answer`,
      'see to the others; what they have was not looked at',
    ),
  ];
}

function judgeTable(
  expected: ExpectedTable,
  found: FoundTable | undefined,
  nodes: number,
): readonly Finding[] {
  const on = about('clickhouse.tables', expected.name);
  if (found === undefined || found.hosts < nodes) {
    const where =
      found === undefined ? 'is missing' : `is on ${String(found.hosts)} of ${String(nodes)} nodes only`;
    if (expected.engine === DISPENSABLE) return [missingView(expected.name, where)];
    return [problem(on, `the table ${where}`, `${APPLY}, or let the ClickHouse user see the table`)];
  }
  return [...judgeEngine(expected, found), ...judgeColumns(expected, found)];
}

function missingView(name: string, where: string): Finding {
  return warning(
    about('clickhouse.tables', name),
    `the materialized view ${where}`,
    `create it as \`log-courier schema print\` shows it: without it each discovery scans what came in (the view on ` +
      'the logs), or records in the ingest table go nowhere (the view on that one)',
  );
}

function judgeEngine(expected: ExpectedTable, found: FoundTable): readonly Finding[] {
  const on = about('clickhouse.tables', expected.name);
  if (familyOf(expected.engine) !== familyOf(found.engine)) {
    return [
      problem(
        on,
        `its engine is ${found.engine}, where the schema has ${expected.engine}`,
        'move the table away and run `log-courier schema apply`: what log-courier reads from it follows from the engine',
      ),
    ];
  }
  if (expected.engine.startsWith('Replicated') && !/^(Replicated|Shared)/.test(found.engine)) {
    return [
      warning(
        on,
        `its engine is ${found.engine}, which keeps no replicas`,
        'fine with one replica a shard; with more, each has other rows: make it Replicated, as `schema print` shows it',
      ),
    ];
  }
  return judgeDistribution(expected, found);
}

function judgeDistribution(
  { name, distributes }: ExpectedTable,
  { engineFull }: FoundTable,
): readonly Finding[] {
  const found = argumentsIn(
    /^Distributed\((?<given>.*?)\)(?:$| SETTINGS)/.exec(engineFull)?.groups?.['given'] ?? '',
  );
  if (distributes.every((argument, position) => found[position] === argument)) return [];
  return [
    problem(
      about('clickhouse.tables', name),
      `it distributes (${found.join(', ')}), where the schema has (${distributes.join(', ')})`,
      'make it as `log-courier schema print` shows it: records and their orders must stand on the same shard',
    ),
  ];
}

function judgeColumns(expected: ExpectedTable, found: FoundTable): readonly Finding[] {
  const missing = expected.columns.filter((column) => !found.columns.includes(column));
  if (missing.length === 0) return [];
  return [
    problem(
      about('clickhouse.tables', expected.name),
      `it lacks the columns ${missing.join(', ')}`,
      `${APPLY}; it leaves tables that are there as they are, so add columns of your own tables with ALTER TABLE`,
    ),
  ];
}

/** `ReplicatedReplacingMergeTree` and `SharedReplacingMergeTree` behave alike, as far as rows are concerned. */
function familyOf(engine: string): string {
  return engine.replace(/^(Replicated|Shared)/, '');
}
