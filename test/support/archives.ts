import { afterEach, beforeEach } from '@jest/globals';
import { useMariaDb, type TestDatabase } from './mariadb.js';
import { openArchive, type Archive, type ArchiveOptions } from './tables.js';

/** Archives of a test, and the database that they are of. */
export interface Archives {
  /** Made anew for each test. */
  readonly database: () => TestDatabase;
  /** Puts an archive together, which ends with the test. */
  readonly open: (options?: ArchiveOptions) => Promise<Archive>;
}

/**
 * Gives each test of a file a database of its own, and archives of it.
 *
 * @param name of the file
 */
export function useArchives(name: string): Archives {
  const server = useMariaDb(name);
  const opened: Archive[] = [];
  let database: TestDatabase | undefined;
  const ofTest = (): TestDatabase => {
    if (database === undefined) throw new Error('a database is there in tests and hooks only');
    return database;
  };
  beforeEach(async () => {
    database = await server().database();
  });
  afterEach(async () => {
    for (const archive of opened.splice(0)) await archive.end();
  });
  return {
    database: ofTest,
    open: async (options = {}) => {
      const archive = await openArchive(ofTest(), options);
      opened.push(archive);
      return archive;
    },
  };
}

/** Whole numbers from the one to the other. */
export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
