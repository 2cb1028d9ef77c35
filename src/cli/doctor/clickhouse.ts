import { z } from 'zod';
import { ClickHouse } from '../../clickhouse/client.js';
import { ClickHouseQueryError, ClickHouseUnreachableError } from '../../clickhouse/errors.js';
import { checkSchema, SchemaError } from '../../clickhouse/schema.js';
import type { Settings } from '../../config/settings.js';
import { shownValue } from '../../config/secrets.js';
import { silentLog } from '../../observability/log.js';
import { about, ok, problem, warning, type Finding } from '../../pipelines/finding.js';
import { readingOf, type ClockReading } from './clock.js';

/** What was found at one engine. */
export interface Look {
  readonly findings: readonly Finding[];
  readonly clocks: readonly ClockReading[];
}

/** ClickHouse's codes for a user that is not known, a password that is wrong, missing or, since 21.x, either. */
const AUTHENTICATION = new Set(['192', '193', '194', '516']);
/** The first request of a connection takes longer than those behind it, which are better for reading a clock. */
const REQUESTS = 2;

/** Asks each host of ClickHouse by itself, and the schema of the one that answers. */
export async function lookAtClickHouse(settings: Settings, signal: AbortSignal): Promise<Look> {
  const looks = await Promise.all(settings['clickhouse.url'].map((url) => lookAtHost(url, settings, signal)));
  return {
    findings: [...looks.flatMap(({ findings }) => findings), ...(await lookAtSchema(settings, signal))],
    clocks: looks.flatMap(({ clocks }) => clocks),
  };
}

async function lookAtHost(url: string, settings: Settings, signal: AbortSignal): Promise<Look> {
  const shown = shownValue('clickhouse.url', url);
  const host = new ClickHouse({ ...settings, 'clickhouse.url': [url] }, silentLog());
  try {
    let clock: ClockReading | undefined;
    let version = '';
    for (let request = 0; request < REQUESTS; request += 1) {
      const sentMs = Date.now();
      const [answer] = await host.query(
        z.object({ version: z.string(), now: z.number() }),
        'SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS now',
        { doing: 'ask for version and time', signal },
      );
      const gotMs = Date.now();
      version = answer?.version ?? '';
      const times = { sentMs, gotMs, theirsMs: answer?.now ?? gotMs, roundedMs: 1 };
      clock = readingOf({ engine: 'clickhouse', subject: shown }, times);
    }
    return {
      findings: [ok(about('clickhouse.reachable', shown), `ClickHouse ${version} answers`)],
      clocks: clock === undefined ? [] : [clock],
    };
  } catch (error) {
    return { findings: [judgeSilence(shown, error, settings)], clocks: [] };
  } finally {
    await host.close();
  }
}

/** Judges why a host did not answer as it should. */
export function judgeSilence(url: string, error: unknown, settings: Settings): Finding {
  const on = about('clickhouse.reachable', url);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ClickHouseQueryError && AUTHENTICATION.has(error.code))
    return problem(
      on,
      `it refuses the user ${settings['clickhouse.username']}: ${message}`,
      'check clickhouse.username and clickhouse.password',
    );
  if (error instanceof ClickHouseQueryError)
    return problem(on, message, 'see what ClickHouse says; log-courier needs to run SELECT and INSERT');
  const silence = error instanceof ClickHouseUnreachableError ? message : `it does not answer: ${message}`;
  const others = settings['clickhouse.url'].length > 1;
  const advice = 'check clickhouse.url, that the server is up, and that this machine may reach it';
  return others
    ? warning(on, silence, `${advice}; another host takes over meanwhile`)
    : problem(on, silence, advice);
}

async function lookAtSchema(settings: Settings, signal: AbortSignal): Promise<readonly Finding[]> {
  const clickhouse = new ClickHouse(settings, silentLog());
  const on = about('clickhouse.schema');
  try {
    const { found, needed } = await checkSchema(clickhouse, settings, signal);
    return [
      found > needed
        ? ok(on, `version ${String(found)}, newer than the ${String(needed)} that this program needs`)
        : ok(on, `version ${String(found)}`),
    ];
  } catch (error) {
    if (error instanceof SchemaError) return [judgeSchema(error)];
    if (!(error instanceof ClickHouseQueryError) || AUTHENTICATION.has(error.code)) {
      // Nothing answers, which is said of each host; when all are away, that is a problem however many there are.
      const several = settings['clickhouse.url'].length > 1;
      return several
        ? [problem(about('clickhouse.reachable'), 'no host of ClickHouse can be used', 'see each of them')]
        : [];
    }
    return [problem(on, error.message, 'let the ClickHouse user read the table log_courier_schema')];
  } finally {
    await clickhouse.close();
  }
}

function judgeSchema({ found, needed }: SchemaError): Finding {
  const state = found === 0 ? 'the schema has not been applied' : `the schema is of version ${String(found)}`;
  return problem(
    about('clickhouse.schema'),
    `${state}; this program needs ${String(needed)}`,
    'run `log-courier schema apply` with the same settings',
  );
}
