import type { Settings } from '../../../config/settings.js';
import { about, ok, problem, warning, type Finding } from '../../finding.js';

const HOURS: Readonly<Record<string, number>> = {
  Second: 1 / 3600,
  Minute: 1 / 60,
  Hour: 1,
  Day: 24,
  Week: 168,
};

/** How long a table keeps its rows: hours, `forever`, or undefined when its TTL is one that is not understood. */
export type Kept = number | 'forever' | undefined;

/** Reads how long rows are kept out of `engine_full`, as ClickHouse writes it: `… TTL insertedAt + toIntervalDay(3) …` */
export function keptHours(engineFull: string): Kept {
  const ttl = /\bTTL (?<ttl>.*?)(?: SETTINGS .*)?$/s.exec(engineFull)?.groups?.['ttl'];
  if (ttl === undefined) return 'forever';
  const { unit = '', count = '' } =
    /^[\w()]+ \+ toInterval(?<unit>\w+)\((?<count>\d+)\)$/.exec(ttl.trim())?.groups ?? {};
  const hours = HOURS[unit];
  return hours === undefined ? undefined : hours * Number(count);
}

/** Compares how long the logs are kept with what the settings say of it. */
export function judgeRecordRetention(table: string, kept: Kept, settings: Settings): Finding {
  const on = about('clickhouse.retention', table);
  const said = settings['retention.record-hours'];
  if (kept === undefined)
    return warning(
      on,
      'its TTL is not a plain interval, so it was not compared with retention.record-hours',
      `see that records are kept for at least the ${String(said)} h that retention.record-hours says`,
    );
  if (kept === 'forever')
    return warning(
      on,
      `it has no TTL, while retention.record-hours is ${String(said)}`,
      'set a TTL, or retention.record-hours to when records are removed by other means: warnings come too early now',
    );
  const found = `records are kept for ${hoursText(kept)}; retention.record-hours is ${String(said)}`;
  if (kept < said)
    return problem(
      on,
      found,
      `set retention.record-hours to ${String(Math.floor(kept))}, or lengthen the TTL: records can be lost before anybody is warned`,
    );
  if (kept > said)
    return warning(
      on,
      found,
      `set retention.record-hours to ${String(Math.floor(kept))}: warnings come too early now`,
    );
  return ok(on, found);
}

/** Compares how long the arrivals are kept with how long the logs are. */
export function judgeArrivalsRetention(table: string, arrivals: Kept, logs: Kept): readonly Finding[] {
  if (typeof arrivals !== 'number' || typeof logs !== 'number' || arrivals >= logs) return [];
  return [
    warning(
      about('clickhouse.retention', table),
      `arrivals are kept for ${hoursText(arrivals)}, records for ${hoursText(logs)}`,
      `lengthen the TTL of ${table} to that of the logs: what came in earlier is found by scans alone`,
    ),
  ];
}

/** Compares how long the order book keeps orders with what the settings say of it. */
export function judgeBookRetention(table: string, kept: Kept, settings: Settings): readonly Finding[] {
  const days = settings['order-book.retention-days'];
  if (typeof kept !== 'number' || kept === days * 24) return [];
  return [
    warning(
      about('clickhouse.retention', table),
      `orders are kept for ${hoursText(kept)}; order-book.retention-days is ${String(days)}`,
      `change the TTL with ALTER TABLE … MODIFY TTL, or the setting: it counts only when the schema is first applied`,
    ),
  ];
}

function hoursText(hours: number): string {
  return `${String(Math.round(hours * 100) / 100)} h`;
}
