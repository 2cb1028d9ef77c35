import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from '../lab/site.js';
import { BUCKET_COLUMNS } from './records.js';
import type { Template } from './template.js';

/** Records that come in, second by second. */
export interface Steady {
  readonly recordsPerSecond: number;
  readonly buckets: number;
  readonly seconds: number;
}

/** How the records came in. */
export interface Fed {
  readonly records: number;
  /** The longest time from the beginning of a second to when its records were in the table, in ms. */
  readonly slowestMs: number;
}

/** Inserts the records of each second in one block, as soon as the second begins. */
export async function feed(
  site: Site,
  template: Template,
  { recordsPerSecond, buckets, seconds }: Steady,
  onSecond: (second: number) => void,
): Promise<Fed> {
  const sql = secondSql(site.tables.logs, template);
  const begin = Math.ceil(Date.now() / 1000) + 1;
  let slowestMs = 0;
  for (let second = 0; second < seconds; second += 1) {
    const dueAt = (begin + second) * 1000;
    await sleep(Math.max(0, dueAt - Date.now()));
    // When inserts are slow, records come in late; nobody says that they came earlier than they did.
    const at = Math.max(begin + second, Math.floor(Date.now() / 1000));
    await site.clickhouse.command(sql, {
      doing: 'insert the records of a second',
      parameters: { from: second * recordsPerSecond, count: recordsPerSecond, buckets, at },
    });
    slowestMs = Math.max(slowestMs, Date.now() - dueAt);
    onSecond(second + 1);
  }
  return { records: seconds * recordsPerSecond, slowestMs };
}

/** The template is gone through again and again; its place among all records says a record's bucket and id. */
function secondSql(logs: string, { table, rows }: Template): string {
  const columns = {
    ...BUCKET_COLUMNS,
    insertedAt: 'toDateTime({at:UInt32})',
    startTime: 'fromUnixTimestamp64Milli(toInt64({at:UInt32}) * 1000 - toInt64(cityHash64(place) % 30000))',
    req_id: `leftPad(hex(intHash64(place)), 16, '0')`,
  };
  const replaced = Object.entries(columns).map(([name, sql]) => `${sql} AS ${name}`);
  return `INSERT INTO ${logs}
    SELECT * EXCEPT (row, place, bucketIndex) REPLACE (${replaced.join(', ')})
    FROM (
      SELECT *, {from:UInt64} + (row + ${rows} - {from:UInt64} % ${rows}) % ${rows} AS place,
        place % {buckets:UInt64} AS bucketIndex
      FROM ${table} WHERE (row + ${rows} - {from:UInt64} % ${rows}) % ${rows} < {count:UInt64}
    )`;
}
