import { beforeEach, expect, test } from '@jest/globals';
import { range, useArchives } from '../support/archives.js';
import {
  archiveOnce,
  deliverAll,
  discover,
  insertScores,
  keysInFiles,
  LOG_SCORES,
} from '../support/tables.js';

const { database, open } = useArchives('tables-takeover');

beforeEach(async () => {
  await database().run(LOG_SCORES);
  // As the archiver that comes first has made it.
  await database().run(`CREATE TABLE log_scores_archive_status (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, archiver VARCHAR(255) NOT NULL UNIQUE,
    log_score_id BIGINT UNSIGNED DEFAULT NULL, modified_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`);
});

async function setStatus(id: number): Promise<void> {
  await database().run(
    "INSERT INTO log_scores_archive_status (archiver, log_score_id) VALUES ('fileavro', ?) ON DUPLICATE KEY UPDATE log_score_id = ?",
    [id, id],
  );
}

test('the variables of an existing deployment are understood as they are', async () => {
  await database().run(insertScores(1, 10));
  const archive = await open({
    flags: { 'tables.dsn': '' },
    environment: {
      ...{ db_host: database().host, db_database: database().name, db_user: database().user, db_pass: '' },
      ...{
        LOG_COURIER_TABLES_PORT: String(database().port),
        db_max_idle_time: '2m',
        db_max_lifetime: '5m',
        db_timeout: '10s',
      },
      ...{ retention_days: '15', app_valid_tables: 'log_scores,log_scores_archive,log_scores_test' },
      ...{ batch_avro_max_size: '4', cleanup_default_interval: '4m', batch_bq_interval: '10m' },
    },
  });
  expect(archive.settings).toMatchObject({
    'tables.max-idle-seconds': 120,
    'tables.max-lifetime-seconds': 300,
    'tables.bigquery-interval-seconds': 600,
    'tables.avro-batch-max': 4,
  });
  await archiveOnce(archive.pipeline('fileavro'));
  expect(await keysInFiles(archive.directory)).toEqual(range(1, 10));
});

test('an archive goes on behind what the status table says, and what it commits another archiver goes on behind', async () => {
  await database().run(insertScores(1, 100));
  await setStatus(60);
  const archive = await open();
  await archiveOnce(archive.pipeline('fileavro'));
  expect(await keysInFiles(archive.directory)).toEqual(range(61, 100));
  expect(await database().rows('SELECT archiver, log_score_id FROM log_scores_archive_status')).toEqual([
    { archiver: 'fileavro', log_score_id: 100 },
  ]);
  expect(await archive.pipeline('fileavro').audit({ deep: true })).toMatchObject({
    ...{ records: 40, delivered: 40, missing: 0, orders: { delivered: 1 } },
  });
});

test('put back and taken over once more, what the other archiver copied meanwhile is not copied again', async () => {
  await database().run(insertScores(1, 50));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  await archiveOnce(pipeline);
  await database().run(insertScores(51, 100));
  await setStatus(80);
  await archiveOnce(pipeline);
  expect(await keysInFiles(archive.directory)).toEqual([...range(1, 50), ...range(81, 100)]);
});

test('a row that appears where another archiver has been is delivered: it skipped it', async () => {
  await database().run(insertScores(1, 40));
  await database().run('DELETE FROM log_scores WHERE id = 20');
  await setStatus(40);
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  await discover(pipeline);
  await database().run(insertScores(20, 20));
  await pipeline.findLate({ windowHours: 1 });
  await deliverAll(pipeline);
  expect(await keysInFiles(archive.directory)).toEqual([20]);
});

test('a status that somebody else moves while orders are open stops everything, and is never moved back', async () => {
  await database().run(insertScores(1, 50));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  const [order] = (await discover(pipeline)).orders;
  if (order === undefined) throw new Error('nothing was ordered');
  await setStatus(70);
  await expect(deliverAll(pipeline)).rejects.toThrow('somebody else wrote there');
  await expect(discover(pipeline)).rejects.toThrow('somebody else wrote there');
  await pipeline.skip(order.id, { by: 'ann', reason: 'the other archiver has them' });
  await database().run(insertScores(51, 90));
  await archiveOnce(pipeline);
  expect(await database().rows('SELECT log_score_id AS id FROM log_scores_archive_status')).toEqual([
    { id: 90 },
  ]);
});

test('one archiver a table: whoever does not get its lock orders nothing and says who has it', async () => {
  await database().run(insertScores(1, 10));
  const other = await database().pool.getConnection();
  try {
    await other.query("SELECT GET_LOCK('archiver-log_scores', 0)");
    const archive = await open();
    const pipeline = archive.pipeline('fileavro');
    expect((await discover(pipeline)).orders).toEqual([]);
    const { sources } = await pipeline.sources();
    expect(sources[0]?.note).toContain('another archiver holds the lock of the table');
    await other.query("SELECT RELEASE_LOCK('archiver-log_scores')");
    expect((await discover(pipeline)).orders).toHaveLength(1);
    expect((await other.query("SELECT GET_LOCK('archiver-log_scores', 0) AS got"))[0]).toEqual([{ got: 0 }]);
  } finally {
    other.release();
  }
});

test('processes of one deployment discover side by side, and never order a row twice', async () => {
  await database().run(insertScores(1, 1000));
  const flags = { 'tables.avro-batch-max': '100' };
  const archives = [await open({ flags }), await open({ flags })];
  await Promise.all(archives.map((archive) => discover(archive.pipeline('fileavro'))));
  const [archive] = archives;
  if (archive === undefined) throw new Error('it was opened');
  await deliverAll(archive.pipeline('fileavro'));
  expect(await keysInFiles(archive.directory)).toEqual(range(1, 1000));
});

test('a lock that is lost with its connection is taken again before anything is ordered', async () => {
  await database().run(insertScores(1, 10));
  const archive = await open();
  const pipeline = archive.pipeline('fileavro');
  await discover(pipeline);
  const [holder] = await database().rows("SELECT IS_USED_LOCK('archiver-log_scores') AS id");
  await database().run(`KILL ${String(holder?.['id'])}`);
  await database().run(insertScores(11, 20));
  await discover(pipeline).catch(() => undefined);
  await discover(pipeline);
  const [again] = await database().rows("SELECT IS_USED_LOCK('archiver-log_scores') AS id");
  expect(again?.['id']).toEqual(expect.any(Number));
  expect(again?.['id']).not.toBe(holder?.['id']);
});
