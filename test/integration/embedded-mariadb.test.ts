import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EngineMissingError } from '../../src/embedded/errors.js';
import { startMariaDb } from '../../src/embedded/mariadb.js';
import { openTestDatabase, useMariaDb } from '../support/mariadb.js';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'log-courier-mariadb-'));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

const server = useMariaDb('engine');

test('what was committed outlives the death of the server', async () => {
  const dir = join(root, 'killed');
  const first = await startMariaDb({ dir });
  const before = openTestDatabase(first.port, '');
  await before.run('CREATE DATABASE kept');
  await before.run('CREATE TABLE kept.rows_kept (id BIGINT PRIMARY KEY) ENGINE=InnoDB');
  await before.run('INSERT INTO kept.rows_kept VALUES (9007199254740993)');
  expect(await before.rows('SELECT @@innodb_flush_log_at_trx_commit AS flush')).toEqual([{ flush: 1 }]);
  await before.pool.end();
  await first.kill();

  const second = await startMariaDb({ dir });
  const after = openTestDatabase(second.port, 'kept');
  expect(await after.rows('SELECT id FROM rows_kept')).toEqual([{ id: '9007199254740993' }]);
  await after.pool.end();
  await second.stop();
});

test('each database of a test stands for itself', async () => {
  const [one, other] = [await server().database(), await server().database()];
  await one.run('CREATE TABLE only_here (id INT PRIMARY KEY)');
  expect(await one.rows('SHOW TABLES')).toHaveLength(1);
  expect(await other.rows('SHOW TABLES')).toEqual([]);
});

test('a machine without MariaDB is told how to install it', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = root;
  try {
    await expect(startMariaDb({ dir: join(root, 'missing') })).rejects.toThrow(
      expect.objectContaining({
        name: EngineMissingError.name,
        message: expect.stringContaining('apt-get install mariadb-server'),
      }),
    );
  } finally {
    process.env['PATH'] = path;
  }
});
