import { keySql, quoted } from '../mysql/identifiers.js';
import type { Database } from '../mysql/database.js';
import { pipelineOf, type Archiver } from '../order.js';
import type { TableShape } from '../shape/shape.js';
import { agrees, positionOf, type Position } from '../status-table.js';

/** Where one destination stands, and whether it keeps old rows from being deleted. */
export interface Standing {
  readonly archiver: Archiver;
  readonly position: Position;
  /** Whether there is a row that is older than the retention, and that it has not got. */
  readonly isBehind: boolean;
}

/** Whether old rows of a table may be deleted. */
export type Permission =
  | { readonly isGranted: true; /** Every destination has got up to here. */ readonly upTo: number }
  | { readonly isGranted: false; /** For people. */ readonly why: string };

/** Judges by where the destinations stand. It never starts while one of them is new or behind. */
export function mayStart(table: string, standings: readonly Standing[]): Permission {
  const reasons = standings.flatMap((standing) => {
    const why = whyNot(table, standing);
    return why === undefined ? [] : [why];
  });
  if (standings.length === 0) return { isGranted: false, why: 'there is no destination' };
  if (reasons.length > 0) return { isGranted: false, why: `waits: ${reasons.join('; ')}` };
  return { isGranted: true, upTo: Math.min(...standings.map(({ position }) => position.settled ?? 0)) };
}

function whyNot(table: string, { archiver, position, isBehind }: Standing): string | undefined {
  const name = pipelineOf(archiver);
  if (position.settled === undefined || position.settled <= 0)
    return `${name} is new and has copied nothing of ${table} yet`;
  if (!agrees(position)) return `somebody else moved the status of ${name}`;
  if (isBehind)
    return `${name} is behind: it has copied up to key ${String(position.settled)}, and older rows than the retention wait behind it`;
  return undefined;
}

/** Looks where a destination stands. */
export async function standingOf(
  database: Database,
  { table, key, time }: TableShape,
  archiver: Archiver,
  cutoff: string,
): Promise<Standing> {
  const position = await positionOf(database, archiver, table);
  const column = quoted(key);
  const [next] = await database.rows(
    'look for the first row that is not copied',
    `SELECT ${quoted(time)} < ? FROM ${quoted(table)} WHERE ${column} > ${keySql(position.settled ?? 0)} ORDER BY ${column} LIMIT 1`,
    [cutoff],
  );
  return { archiver, position, isBehind: Number(next?.[0] ?? 0) === 1 };
}
