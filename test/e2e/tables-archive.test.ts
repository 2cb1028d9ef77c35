import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startRedis } from '../../src/embedded/redis.js';
import { runCli, type Environment } from '../support/cli.js';
import { useMariaDb } from '../support/mariadb.js';
import { insertScores, keysInFiles, LOG_SCORES } from '../support/tables.js';
import { useEngines } from '../support/test-engines.js';

const server = useMariaDb('archive');
const redis = useEngines('archive-redis', ({ dir }) => startRedis({ dir }));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-courier-archive-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

test('archive --once takes the environment of an existing deployment, copies what is ready, cleans up, and refuses other tables', async () => {
  const database = await server().database();
  await database.run(LOG_SCORES);
  await database.run(insertScores(1, 250, '2020-01-01 00:00:00'));
  const environment: Environment = {
    ...{ db_host: database.host, db_database: database.name, db_user: database.user },
    ...{ LOG_COURIER_TABLES_PORT: String(database.port), LOG_COURIER_REDIS_URL: redis().url },
    ...{ avro_path: directory, batch_avro_min_size: '100', LOG_COURIER_TABLES_SETTLE_SECONDS: '0' },
    ...{ app_valid_tables: 'log_scores,log_scores_archive,log_scores_test', LOG_COURIER_LOG_LEVEL: 'error' },
  };
  const refused = await runCli(['archive', '-t', 'users', '--once'], { environment });
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain('users is none of tables.valid-names');

  const applied = await runCli(['schema', 'apply', '--pipelines', 'tables'], { environment });
  expect(applied).toMatchObject({ status: 0, stdout: expect.stringContaining('log_scores_archive_status') });
  const archived = await runCli(['archive', '-t', 'log_scores', '--once'], { environment });
  expect(archived).toMatchObject({ status: 0, stdout: expect.stringContaining('2 delivered') });
  expect(await keysInFiles(directory)).toHaveLength(250);
  // They are older than the retention.
  expect(await database.rows('SELECT id FROM log_scores')).toEqual([]);

  const audited = await runCli(['audit', '--deep', '--pipelines', 'tables'], { environment });
  expect(audited).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('of 250 records 250 are in 1 objects'),
  });
  const nowhere = await runCli(['archive', '--once'], { environment: { ...environment, avro_path: '' } });
  expect(nowhere.status).toBe(2);
  expect(nowhere.stderr).toContain('at least one destination');
});
