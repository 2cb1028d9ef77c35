import type { Session } from 'chdb';
import { quotedName, setStatement, type Statement } from './statement.js';

/** Sessions that a thread keeps for statements to come. */
const MOST_KEPT = 8;

/** Statements that leave nothing in their session: no current database, no setting, no temporary table. */
const LEAVES_NOTHING = /^\s*(?:SELECT|WITH|INSERT)\b/i;

/** A session, and what has been set in it. */
interface Kept {
  readonly session: Session;
  readonly shape: string;
  assignments: string | undefined;
}

/**
 * The sessions of a thread. A statement's database, settings and parameters must end with it, as in a session of its
 * own; but to make one costs more than many a statement. So one is kept for statements that name the same database, the
 * same settings and the same parameters: each sets all the values there are in it anew.
 */
export class Sessions {
  readonly #open: () => Session;
  /** The one that was used last comes last. */
  readonly #kept: Kept[] = [];

  /** @param open makes a new session */
  constructor(open: () => Session) {
    this.#open = open;
  }

  /**
   * Runs a statement in a session that is in the state that it asks for. The session is kept when that ends well.
   *
   * @throws the engine's error
   */
  async *during<Block, Result>(
    statement: Statement,
    run: (session: Session) => AsyncGenerator<Block, Result>,
  ): AsyncGenerator<Block, Result> {
    const shape = shapeOf(statement);
    const at = this.#kept.findLastIndex((one) => one.shape === shape);
    const [found] = at < 0 ? [] : this.#kept.splice(at, 1);
    const used = found ?? { session: this.#open(), shape, assignments: undefined };
    let isKept = false;
    try {
      await prepare(used, statement, found === undefined);
      const result = yield* run(used.session);
      isKept = LEAVES_NOTHING.test(statement.sql);
      return result;
    } finally {
      if (isKept) this.#keep(used);
      else used.session.close();
    }
  }

  /** Closes the sessions that are kept. */
  close(): void {
    for (const { session } of this.#kept.splice(0)) session.close();
  }

  #keep(used: Kept): void {
    this.#kept.push(used);
    if (this.#kept.length > MOST_KEPT) this.#kept.shift()?.session.close();
  }
}

/** What two statements must have in common to have a session in common. */
function shapeOf({ database, settings, parameters }: Statement): string {
  const namesOf = (pairs: Statement['settings']): string[] => pairs.map(([name]) => name);
  return JSON.stringify([database, namesOf(settings), namesOf(parameters)]);
}

async function prepare(used: Kept, statement: Statement, isNew: boolean): Promise<void> {
  if (isNew && statement.database !== '')
    await used.session.queryAsync(`USE ${quotedName(statement.database)}`);
  const assignments = setStatement(statement);
  if (assignments === undefined || assignments === used.assignments) return;
  await used.session.queryAsync(assignments);
  used.assignments = assignments;
}
