import { setTimeout as sleep } from 'node:timers/promises';
import { isError } from '../../observability/is-error.js';

/** An agent of the demo. */
export interface DemoAgent {
  readonly name: string;
  readonly token: string;
}

/** What agents are to post. */
export interface PostOptions {
  /** Where the collector listens, e.g. `http://127.0.0.1:8400`. */
  readonly url: string;
  /** They post at the same time, each one request after the other. */
  readonly agents: readonly DemoAgent[];
  /** Reports in all. */
  readonly reports: number;
  /** Number of the first report; each has the next one as its `serial`. */
  readonly firstSerial: number;
  readonly signal: AbortSignal;
  /** Is told how many were acknowledged so far. */
  readonly onProgress: (reports: number) => void;
}

/** Of so many reports of an agent in a row, the first few are posted one by one, the others as a batch. */
const ROUND = 100;
const SINGLE = 10;
/** How long a request is tried again before the agent gives up; ms. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 100;
/** How long an answer may take; ms. */
const ANSWER_MS = 10_000;
/** Answers that say that it should be tried again. */
const LATER: readonly number[] = [429, 500, 503];

/** A collector did not take what an agent posted. */
export class PostError extends Error {
  override readonly name = 'PostError';
}

/**
 * Posts reports as agents in the field would: many at once, singly and in batches, again with the same Idempotency-Key
 * when no answer came, until each was acknowledged.
 *
 * @throws {PostError} when the collector refuses for good, or does not answer for long
 */
export async function postReports(options: PostOptions): Promise<void> {
  const { agents, reports, firstSerial } = options;
  let acknowledged = 0;
  const onAcknowledged = (count: number): void => {
    acknowledged += count;
    options.onProgress(acknowledged);
  };
  await Promise.all(
    agents.map(async (agent, index) => {
      const serials: number[] = [];
      for (let serial = index; serial < reports; serial += agents.length) serials.push(firstSerial + serial);
      for (let at = 0; at < serials.length; at += ROUND) {
        const [round, single] = [serials.slice(at, at + ROUND), Math.min(SINGLE, serials.length - at)];
        for (const group of [...round.slice(0, single).map((serial) => [serial]), round.slice(single)]) {
          if (group.length === 0) continue;
          await post(options, agent, group);
          onAcknowledged(group.length);
        }
      }
    }),
  );
}

async function post(
  { url, signal }: PostOptions,
  { name, token }: DemoAgent,
  serials: readonly number[],
): Promise<void> {
  const isOne = serials.length === 1;
  const body = serials.map((serial) => reportOf(name, serial)).join('\n');
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    let why: string;
    try {
      const response = await fetch(`${url}/api/v1/reports${isOne ? '' : '/batch'}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': isOne ? 'application/json' : 'application/x-ndjson',
          'idempotency-key': `${name}-${String(serials[0])}`,
        },
        body,
        // The one to stop is looked at between requests: each `fetch` would leave a listener with it.
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      if (response.status === 202) return;
      why = `${String(response.status)} ${text}`;
      if (!LATER.includes(response.status))
        throw new PostError(`the collector refused what ${name} posted: ${why}`);
    } catch (error) {
      // So does `fetch` name connections that fail, and answers that do not come.
      if (!isError(error) || !['TypeError', 'TimeoutError'].includes(error.name)) throw error;
      why = isError(error.cause) ? error.cause.message : error.message;
    }
    if (performance.now() > until)
      throw new PostError(`the collector did not take what ${name} posted: ${why}`);
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** A report such as a monitoring agent sends. What is in it follows from its number. */
function reportOf(host: string, serial: number): string {
  return JSON.stringify({
    type: 'metrics',
    serial,
    host,
    os: { name: serial % 5 === 0 ? 'freebsd' : 'linux', uptime_seconds: 86_400 + serial },
    cpu: { user: ((serial * 7) % 1000) / 10, system: ((serial * 3) % 300) / 10, cores: 8 },
    memory: { total_bytes: 17_179_869_184, free_bytes: (serial * 7_919_999) % 17_179_869_184 },
    disk: [{ path: '/', used_percent: (serial * 13) % 101 }],
  });
}
