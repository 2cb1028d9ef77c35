import { storeAwayOf } from '../../destinations/errors.js';
import { isS3Unreachable } from '../../destinations/s3/errors.js';
import type { PipelineEngine } from '../engine.js';
import { engineAwayIn } from '../errors.js';
import type { Copier } from './destinations/copier.js';
import type { Database } from './mysql/database.js';
import { MysqlUnreachableError } from './mysql/errors.js';

/** What the database that has the tables is called, in answers, metrics and the log. */
export const MYSQL = 'mysql';

/** The database that has the tables, as an engine of each pipeline. */
export function mysqlEngine(database: Database): PipelineEngine {
  return {
    engine: MYSQL,
    advice:
      'the database of the tables does not answer; check tables.host and that the server is up, then try again',
    check: (signal) => database.ping(signal),
  };
}

/** A destination as an engine. */
export function copierEngine(copier: Copier): PipelineEngine {
  return {
    engine: copier.engine,
    advice: `${copier.place} does not answer, or may not be written to; check the settings of tables, then try again`,
    check: (signal) => copier.check(signal),
  };
}

/** The engine that an error speaks of as not to be reached. */
export function engineAway(error: unknown, copier?: Copier): string | undefined {
  return engineAwayIn(error, (one) => {
    if (one instanceof MysqlUnreachableError) return MYSQL;
    if (copier === undefined) return undefined;
    return storeAwayOf(one) !== undefined || isS3Unreachable(one) ? copier.engine : undefined;
  });
}
