import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { Session } from 'chdb';
import { useArchives } from '../support/archives.js';
import {
  archiveOnce,
  discover,
  filesCopier,
  insertScores,
  LOG_SCORES,
  rowsInFiles,
} from '../support/tables.js';

const { database, open } = useArchives('tables-types');

/** Columns of all types that are mapped: what is written, and what is read from the Avro file. */
const COLUMNS: readonly (readonly [type: string, written: string, read: unknown])[] = [
  ['TINYINT', '-128', -128],
  ['BOOL', 'TRUE', 1],
  ['SMALLINT UNSIGNED', '65535', 65_535],
  ['MEDIUMINT', '-8388608', -8_388_608],
  ['INT', '-2147483648', -2_147_483_648],
  ['INT UNSIGNED', '4294967295', 4_294_967_295n],
  ['BIGINT', '-9223372036854775808', -9_223_372_036_854_775_808n],
  ['BIGINT UNSIGNED', '18446744073709551615', Buffer.from('00ffffffffffffffff', 'hex')],
  ['DECIMAL(20, 4)', '-1234567890123456.7891', Buffer.from('ff54ab567314e0f52d', 'hex')],
  ['FLOAT', '1.1', Math.fround(1.1)],
  ['DOUBLE', '0.1', 0.1],
  ['DATE', "'1969-12-31'", -1],
  ['DATETIME', "'2026-11-30 23:59:59'", 1_796_083_199_000_000n],
  ['DATETIME(6)', "'2026-11-30 23:59:59.123456'", 1_796_083_199_123_456n],
  ['TIMESTAMP(3) NULL', "'2026-11-30 23:59:59.125'", 1_796_083_199_125_000n],
  ['TIME(3)', "'-12:34:56.789'", '-12:34:56.789'],
  ['YEAR', '2026', 2026],
  ['CHAR(4)', "'né'", 'né'],
  ['VARCHAR(20)', "'日本 🕰'", '日本 🕰'],
  ['LONGTEXT', "REPEAT('x', 70000)", 'x'.repeat(70_000)],
  ['VARBINARY(4)', "X'00FF0A80'", Buffer.from('00ff0a80', 'hex')],
  ['BLOB', "X'80'", Buffer.from('80', 'hex')],
  ['JSON', '\'{"a": [1, null]}\'', '{"a": [1, null]}'],
  ["ENUM('a', 'b')", "'b'", 'b'],
  ["SET('a', 'b', 'c')", "'a,c'", 'a,c'],
  ['BIT(1)', "b'1'", 1],
  ['BIT(40)', "b'1111111111111111111111111111111111111111'", 1_099_511_627_775n],
  [
    'BIT(64)',
    "b'1000000000000000000000000000000000000000000000000000000000000000'",
    Buffer.from('008000000000000000', 'hex'),
  ],
  ['UUID', "'123e4567-e89b-12d3-a456-426655440000'", '123e4567-e89b-12d3-a456-426655440000'],
];

async function makeEvents(): Promise<void> {
  const columns = COLUMNS.map(([type], index) => `c${String(index)} ${type}`);
  await database().run(
    `CREATE TABLE events (event BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL, ${columns.join(', ')})`,
  );
  const values = COLUMNS.map(([, written]) => written);
  await database().run(`INSERT INTO events VALUES (1, '2026-11-30 00:00:00', ${values.join(', ')})`);
  await database().run("INSERT INTO events (event, at) VALUES (2, '2026-11-30 00:00:01')");
}

const FLAGS = { 'tables.names': 'events:event:at' };

test('any table with a growing key and a time is copied, each type as it is, NULL as null', async () => {
  await makeEvents();
  const archive = await open({ flags: FLAGS });
  await archiveOnce(archive.pipeline('fileavro'));
  const [full, empty] = await rowsInFiles(archive.directory);
  const named = Object.fromEntries(COLUMNS.map(([, , read], index) => [`c${String(index)}`, read]));
  const nulls = Object.fromEntries(COLUMNS.map((_, index) => [`c${String(index)}`, null]));
  expect(full).toEqual({ event: 1n, at: 1_795_996_800_000_000n, ...named });
  expect(empty).toEqual({ event: 2n, at: 1_795_996_801_000_000n, ...nulls });
});

test('a time that is none becomes null', async () => {
  await database().run("SET GLOBAL sql_mode = ''");
  await database().run(
    'CREATE TABLE events (event INT PRIMARY KEY, at DATETIME NOT NULL, day DATE NOT NULL)',
  );
  const connection = await database().pool.getConnection();
  await connection.query("SET sql_mode = ''");
  await connection.query("INSERT INTO events VALUES (1, '2026-11-30', '0000-00-00')");
  connection.release();
  const archive = await open({ flags: FLAGS });
  await archiveOnce(archive.pipeline('fileavro'));
  expect(await rowsInFiles(archive.directory)).toEqual([expect.objectContaining({ day: null })]);
});

test.each([
  [
    'event INT PRIMARY KEY, at DATETIME, place POINT',
    'its column place is of type point, which cannot be copied',
  ],
  ['event INT PRIMARY KEY, at DATETIME, `a b` INT', 'its column a b has a name that Avro does not take'],
  ['event INT PRIMARY KEY', 'it has no column at'],
  ['event VARCHAR(9) PRIMARY KEY, at DATETIME', 'its key event is no whole number but varchar(9)'],
  ['event INT NOT NULL, at DATETIME', 'its key event is not the first column of any index'],
  ['event INT NOT NULL, at DATETIME, KEY (event)', 'its key event is not unique'],
  ['event INT UNIQUE, at DATETIME', 'its key event may be NULL'],
  ['event INT PRIMARY KEY, at INT', 'its time column at is no time but int'],
  ['id INT PRIMARY KEY, at DATETIME', 'it has no column event'],
])('a table that cannot be archived is refused in words: (%s)', async (columns, why) => {
  await database().run(`CREATE TABLE events (${columns})`);
  const archive = await open({ flags: FLAGS });
  await expect(discover(archive.pipeline('fileavro'))).rejects.toThrow(why);
});

test('a table that is not there is refused', async () => {
  const archive = await open({ flags: FLAGS });
  await expect(discover(archive.pipeline('fileavro'))).rejects.toThrow('has no table of that name');
});

/** Counts, sums and nulls of some files, read by Debian's Avro for Python. */
const PYTHON = `
import json, sys
from avro.datafile import DataFileReader
from avro.io import DatumReader
rows = [row for name in sys.argv[1:] for row in DataFileReader(open(name, 'rb'), DatumReader())]
def micros(t): return round(t.timestamp() * 1000000) if hasattr(t, 'timestamp') else t
print(json.dumps(dict(rows=len(rows), ids=sum(r['id'] for r in rows), scores=sum(r['score'] for r in rows),
  offsets=sum(r['offset'] is None for r in rows), errors=sum(r['error'] is not None for r in rows),
  ts=sum(micros(r['ts']) for r in rows) // 1000000)))
`;

test.each(['null', 'deflate', 'zstd'] as const)(
  'strangers read the files as the table is: codec %s',
  async (codec) => {
    await database().run(LOG_SCORES);
    await database().run(insertScores(1, 5000));
    const archive = await open({ copiers: (directory) => [filesCopier(directory, codec)] });
    const [order] = await archiveOnce(archive.pipeline('fileavro'));
    if (order === undefined) throw new Error('nothing was ordered');
    const file = join(archive.directory, '1793491200-1.avro');
    const [row] = await database().rows(
      `SELECT COUNT(*) AS \`rows\`, CAST(SUM(id) AS DOUBLE) AS ids, SUM(score) AS scores, CAST(SUM(\`offset\` IS NULL) AS DOUBLE) AS offsets,
       CAST(SUM(JSON_VALUE(attributes, '$.error') <> '') AS DOUBLE) AS errors, CAST(SUM(UNIX_TIMESTAMP(ts)) AS DOUBLE) AS ts FROM log_scores`,
    );
    const session = new Session();
    try {
      const answer = session.query(
        `SELECT count() AS rows, toFloat64(sum(id)) AS ids, sum(toFloat64(score)) AS scores, toFloat64(countIf(offset IS NULL)) AS offsets,
         toFloat64(count(error)) AS errors, toFloat64(sum(toUnixTimestamp(ts))) AS ts FROM file('${file}', Avro)
       SETTINGS output_format_json_quote_64bit_integers = 0`,
        'JSONEachRow',
      );
      const clickhouse: unknown = JSON.parse(answer);
      expect(clickhouse).toEqual(row);
    } finally {
      session.cleanup();
    }
    // Debian's Python reader knows null and deflate.
    if (codec === 'zstd') return;
    const script = join(archive.directory, 'read.py');
    await writeFile(script, PYTHON);
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [script, file]);
    const python: unknown = JSON.parse(stdout);
    expect(python).toEqual(row);
  },
);
