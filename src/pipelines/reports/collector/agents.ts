import { createHash } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Log } from '../../../observability/log.js';
import { Refusal } from './problem.js';

/** A name that agents, and types of reports, may have: it can stand in names of files. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const agentSchema = z.strictObject({
  name: z.string().regex(NAME, 'up to 64 letters, digits, _ . and -'),
  'token-sha256': z.string().regex(/^[0-9a-f]{64}$/i, 'the SHA-256 of the token, 64 hex digits'),
  'reports-per-second': z.number().positive().optional(),
});

const fileSchema = z.strictObject({ agents: z.array(agentSchema) });

/** An agent that may post reports. */
export interface Agent {
  readonly name: string;
  /** How many reports it may post in a second; 0 for as many as it likes. */
  readonly perSecond: number;
  /** Counts them; undefined when there is no limit. */
  readonly limiter: RateLimiterMemory | undefined;
}

/** The file of agents cannot be used. */
export class AgentsFileError extends Error {
  override readonly name = 'AgentsFileError';
}

/** Who posts when nobody is asked for a token. */
export const ANYBODY = 'anybody';

/** Where agents come from. */
export interface AgentsOptions {
  /** A YAML file; empty when nobody is asked for a token. */
  readonly file: string;
  /** How many reports a second an agent may post that the file gives no number for; 0 for as many as it likes. */
  readonly reportsPerSecond: number;
  readonly log: Log;
}

/** How often the file is looked at; ms. */
const WATCH_MS = 1000;

/** Those who may post reports, by the SHA-256 of their tokens. The file is read again when it changes. */
export class Agents {
  #byToken: ReadonlyMap<string, Agent> = new Map();
  readonly #anybody: Agent;

  private constructor(private readonly options: AgentsOptions) {
    this.#anybody = agentOf(ANYBODY, options.reportsPerSecond);
  }

  /** @throws {AgentsFileError} when the file cannot be read, or is not as it should be */
  static async open(options: AgentsOptions): Promise<Agents> {
    const agents = new Agents(options);
    if (options.file === '') return agents;
    await agents.read();
    watchFile(options.file, { interval: WATCH_MS, persistent: false }, agents.#again);
    return agents;
  }

  /** No longer looks at the file. */
  close(): void {
    if (this.options.file !== '') unwatchFile(this.options.file, this.#again);
  }

  /**
   * Who it is that has this `Authorization` header.
   *
   * @throws {Refusal}
   */
  of(authorization: string | undefined): Agent {
    if (this.options.file === '') return this.#anybody;
    const token = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Refusal('no-token', 'give your token as Authorization: Bearer …');
    // What is looked up is a digest: how long that takes tells nothing of the tokens.
    const agent = this.#byToken.get(createHash('sha256').update(token).digest('hex'));
    if (agent === undefined) throw new Refusal('wrong-token', 'this token is none of an agent');
    return agent;
  }

  /** Reads the file. */
  async read(): Promise<void> {
    const { file, reportsPerSecond } = this.options;
    const before = new Map([...this.#byToken.values()].map((agent) => [agent.name, agent]));
    const agents = new Map<string, Agent>();
    for (const entry of await agentsIn(file)) {
      const perSecond = entry['reports-per-second'] ?? reportsPerSecond;
      const known = before.get(entry.name);
      // Who was known goes on counting; several tokens of one agent share its limit.
      const agent = known?.perSecond === perSecond ? known : agentOf(entry.name, perSecond);
      before.set(entry.name, agent);
      agents.set(entry['token-sha256'].toLowerCase(), agent);
    }
    this.#byToken = agents;
  }

  readonly #again = (): void => {
    const { file, log } = this.options;
    this.read().then(
      () => {
        log.info({ file, tokens: this.#byToken.size }, 'the file of agents was read again');
      },
      (err: unknown) => {
        log.error({ err, file }, 'the file of agents cannot be used; those known before stay');
      },
    );
  };
}

async function agentsIn(file: string): Promise<readonly z.infer<typeof agentSchema>[]> {
  try {
    return fileSchema.parse(parse(await readFile(file, 'utf8'))).agents;
  } catch (cause) {
    const why =
      cause instanceof z.ZodError ? z.prettifyError(cause) : cause instanceof Error ? cause.message : '';
    throw new AgentsFileError(`${file} (reports.agents-file) cannot be used: ${why}`, { cause });
  }
}

function agentOf(name: string, perSecond: number): Agent {
  if (perSecond === 0) return { name, perSecond, limiter: undefined };
  // Less than one a second is one in several seconds.
  const limiter =
    perSecond < 1
      ? new RateLimiterMemory({ points: 1, duration: 1 / perSecond })
      : new RateLimiterMemory({ points: Math.floor(perSecond), duration: 1 });
  return { name, perSecond, limiter };
}

/**
 * Counts reports against an agent's limit.
 *
 * @throws {Refusal} when it posts too many
 */
export async function countReports({ name, perSecond, limiter }: Agent, reports: number): Promise<void> {
  if (limiter === undefined) return;
  // Waiting would never help.
  if (reports > limiter.points)
    throw new Refusal('too-large', `${name} may post ${String(limiter.points)} reports at once`);
  try {
    await limiter.consume(name, reports);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
    throw new Refusal('rate-limit', `${name} may post ${String(perSecond)} reports a second`, seconds);
  }
}
