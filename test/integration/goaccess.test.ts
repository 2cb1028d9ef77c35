import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { generateRecords } from '../../src/pipelines/access-logs/generate/generate.js';
import { logLineExpression } from '../../src/pipelines/access-logs/log-line-sql.js';
import { startLogsDatabase, type LogsDatabase } from '../support/logs-database.js';

const RECORDS = 5000;
const reportSchema = z.object({
  general: z.object({ total_requests: z.number(), valid_requests: z.number(), failed_requests: z.number() }),
});

let db: LogsDatabase;

beforeAll(async () => {
  db = await startLogsDatabase();
});

afterAll(async () => {
  await db.stop();
});

/** goaccess's report on a log. */
function reportOn(log: string): z.output<typeof reportSchema> {
  const report = `${log}.json`;
  try {
    execFileSync('goaccess', [log, '--no-global-config', '--log-format=AWSS3', '-o', report], {
      stdio: 'pipe',
      encoding: 'utf8',
    });
  } catch (cause) {
    throw new Error(
      'goaccess could not read the log. When it is missing: bash scripts/setup.sh --with tests',
      {
        cause,
      },
    );
  }
  return reportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
}

describe('goaccess', () => {
  test('reads every log line, and counts every request', async () => {
    await generateRecords(db.clickhouse, db.tables, { rows: RECORDS, seed: 11, now: new Date() });
    const lines = await db.select(
      z.object({ line: z.string() }),
      `SELECT ${logLineExpression()} AS line FROM {logs} ORDER BY startTime`,
    );
    const log = join(db.dir, 'access.log');
    writeFileSync(log, lines.map(({ line }) => `${line}\n`).join(''));
    expect(reportOn(log).general).toEqual({
      total_requests: RECORDS,
      valid_requests: RECORDS,
      failed_requests: 0,
    });
  });
});
