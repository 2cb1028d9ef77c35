import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type Connection } from 'mysql2/promise';
import { z } from 'zod';
import { MARIADB_USER, startMariaDb } from '../../src/embedded/mariadb.js';
import { scaled, type Benchmark } from '../benchmark.js';
import { startScript } from '../lab/script.js';
import { ratioByRound } from '../statistics.js';
import { inTurns } from '../turns.js';
import { figure } from './figures.js';

const ROWS = 10_000_000;
const DATABASE = 'bench';
const MEGABYTE = 1e6;

const TABLE = `CREATE TABLE log_scores (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, monitor_id INT UNSIGNED, server_id INT UNSIGNED NOT NULL,
  ts TIMESTAMP NOT NULL, score DOUBLE NOT NULL, step DOUBLE NOT NULL, \`offset\` DOUBLE, rtt MEDIUMINT, attributes TEXT)`;

const rowsSql = (from: number, to: number): string => `INSERT INTO log_scores
  SELECT seq, IF(seq % 7 = 0, NULL, seq % 90), seq % 5000, '2026-11-01 00:00:00' + INTERVAL seq DIV 100 SECOND, (seq % 400) / 20.0 - 5,
    IF(seq % 3 = 0, 1, -0.5), IF(seq % 11 = 0, NULL, seq / 1e9 - 0.01), IF(seq % 5 = 0, NULL, seq % 300),
    IF(seq % 10 = 0, CONCAT('{"leap":', seq % 4, ',"error":"', IF(seq % 20 = 0, 'i/o timeout', ''), '"}'), NULL)
  FROM seq_${from}_to_${to}`;

const copied = z.object({ rows: z.number(), bytes: z.number(), seconds: z.number(), peakBytes: z.number() });

type Copied = z.infer<typeof copied>;

/** `tables`: all rows of a table into one Avro file, beside what the server's own dump of them takes. */
export const tables: Benchmark = {
  names: ['tables'],
  run: async ({ rounds, scale, say }) => {
    const dir = await mkdtemp(join(tmpdir(), 'log-courier-bench-tables-'));
    const engine = await startMariaDb({ dir: join(dir, 'mariadb'), isDurable: false });
    try {
      const rows = scaled(ROWS, scale, 1000);
      say(`making ${rows} rows`);
      const connection = await makeTable(engine.port, rows);
      const measured = await inTurns(
        rounds,
        new Map([
          ['log-courier', () => copy(engine.port, connection, join(dir, 'avro'), rows)],
          ['mariadb-dump --tab', () => dump(engine.port, join(dir, 'tab'), rows)],
        ]),
        (round, name) => {
          say(`round ${round}: ${name}`);
        },
      );
      await connection.end();
      const of = (name: string): readonly Copied[] => measured.get(name) ?? [];
      const rates = (name: string): readonly number[] => of(name).map(({ seconds }) => rows / seconds);
      const peaks = of('log-courier').map(({ peakBytes }) => peakBytes / MEGABYTE);
      const ratio = ratioByRound(rates('log-courier'), rates('mariadb-dump --tab'));
      return [
        {
          benchmark: 'tables',
          method:
            'All rows of a log_scores table in MariaDB into one Avro file with deflate: from the start of discovery to the ' +
            'commit, in one process, of which the peak of resident memory (VmHWM) is taken. Beside it mariadb-dump --tab, by ' +
            'which the server itself writes the same rows as text.',
          rounds,
          scale,
          settings: { 'tables.avro-batch-max': rows, 'tables.avro-codec': 'deflate' },
          data: { rows, 'bytes of the file': of('log-courier')[0]?.bytes ?? 0 },
          headlines: [
            { what: 'peak of memory', value: Math.max(...peaks), unit: 'MB', goal: { atMost: 300 } },
            {
              what: 'log-courier to mariadb-dump --tab',
              value: ratio.median,
              unit: '',
              range: [ratio.min, ratio.max],
            },
          ],
          figures: [
            figure('log-courier', 'rate', 'rows/s', rates('log-courier')),
            figure('log-courier', 'peak of memory', 'MB', peaks),
            figure('mariadb-dump --tab', 'rate', 'rows/s', rates('mariadb-dump --tab')),
          ],
        },
      ];
    } finally {
      await engine.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function makeTable(port: number, rows: number): Promise<Connection> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: MARIADB_USER, timezone: 'Z' });
  await connection.query(`CREATE DATABASE ${DATABASE}`);
  await connection.query(`USE ${DATABASE}`);
  await connection.query(TABLE);
  for (let from = 1; from <= rows; from += 500_000)
    await connection.query(rowsSql(from, Math.min(rows, from + 499_999)));
  return connection;
}

async function copy(port: number, connection: Connection, directory: string, rows: number): Promise<Copied> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // Each round begins anew.
  await connection.query('DROP TABLE IF EXISTS log_courier_orders, log_scores_archive_status');
  const script = startScript('../benchmarks/tables-main.ts', [], {
    LOG_COURIER_PIPELINES: 'tables',
    LOG_COURIER_TABLES_DSN: `mysql://${MARIADB_USER}@127.0.0.1:${String(port)}/${DATABASE}`,
    LOG_COURIER_TABLES_AVRO_PATH: directory,
    LOG_COURIER_TABLES_AVRO_BATCH_MIN: '1',
    LOG_COURIER_TABLES_AVRO_BATCH_MAX: String(rows),
    LOG_COURIER_TABLES_SETTLE_SECONDS: '0',
    LOG_COURIER_TABLES_CLEANUP_ENABLED: 'false',
  });
  try {
    const done = await script.next(copied);
    if (done.rows !== rows) throw new Error(`${done.rows} of ${rows} rows were copied`);
    return done;
  } finally {
    await script.stop();
  }
}

/** The server writes the file itself. */
async function dump(port: number, directory: string, rows: number): Promise<Copied> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const where = ['--no-defaults', '--host=127.0.0.1', `--port=${String(port)}`, `--user=${MARIADB_USER}`];
  const began = performance.now();
  await promisify(execFile)('mariadb-dump', [...where, `--tab=${directory}`, DATABASE, 'log_scores']);
  return { rows, bytes: 0, seconds: (performance.now() - began) / 1000, peakBytes: 0 };
}
