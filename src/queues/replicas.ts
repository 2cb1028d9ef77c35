import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';

/** What a process says of itself to the others. */
const replicaSchema = z.object({
  /** Host, process, and a random part: process numbers are used again. */
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  roles: z.array(z.string()),
  version: z.string(),
  startedAt: z.string(),
  /** When it said so, by its own clock, ISO 8601. */
  seenAt: z.string(),
  /** Work orders that it is delivering. */
  ordersInFlight: z.number(),
});

/** See {@link replicaSchema}. */
export type ReplicaNote = Readonly<z.infer<typeof replicaSchema>>;

/** Time between two notes of a process, in ms. */
const EVERY_MS = 3000;
/** A process that has not said anything for this long is gone, in ms. */
const GONE_AFTER_MS = 15_000;
/** How long a process waits for Redis to take its leave, in ms. */
const LEAVE_MS = 1000;

/** What a process announces itself with. */
export interface PresenceParts {
  readonly redis: Redis;
  readonly settings: Settings;
  readonly log: Log;
  /** What there is to say at this moment. */
  readonly note: () => Omit<ReplicaNote, 'seenAt'>;
}

/** Announces this process in Redis, from its making to {@link Presence.stop}. */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #timer: NodeJS.Timeout;
  #telling: Promise<void> | undefined;
  readonly #tellAgain = (): void => {
    void this.tell();
  };

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    this.#timer = setInterval(this.#tellAgain, EVERY_MS);
    this.#timer.unref();
    void this.tell();
    parts.redis.on('ready', this.#tellAgain);
  }

  /** Says it now. Never rejects; while Redis is away nothing is said. */
  async tell(): Promise<void> {
    // Commands wait for a Redis that is away: they must not pile up.
    if (this.#parts.redis.status !== 'ready') return this.#telling;
    this.#telling ??= this.#tell()
      .catch((err: unknown) => {
        this.#parts.log.debug({ err }, 'this process could not be announced');
      })
      .finally(() => {
        this.#telling = undefined;
      });
    return this.#telling;
  }

  /** Takes leave. Never rejects; a Redis that does not answer forgets this process by itself. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#parts.redis.off('ready', this.#tellAgain);
    if (this.#parts.redis.status !== 'ready') return;
    const patience = sleep(LEAVE_MS, undefined, { ref: false });
    await Promise.race([this.#leave().catch(() => undefined), patience]);
  }

  async #leave(): Promise<void> {
    const { redis, settings, note } = this.#parts;
    await this.#telling;
    const { id } = note();
    await redis.multi().del(keyOf(settings, id)).srem(idsKey(settings), id).exec();
  }

  async #tell(): Promise<void> {
    const { redis, settings, note } = this.#parts;
    const said: ReplicaNote = { ...note(), seenAt: new Date().toISOString() };
    await redis
      .multi()
      .set(keyOf(settings, said.id), JSON.stringify(said), 'PX', GONE_AFTER_MS)
      .sadd(idsKey(settings), said.id)
      .exec();
  }
}

/** The processes that were seen lately, by host and start. */
export async function readReplicas(redis: Redis, settings: Settings): Promise<readonly ReplicaNote[]> {
  const ids = await redis.smembers(idsKey(settings));
  if (ids.length === 0) return [];
  const notes = await redis.mget(ids.map((id) => keyOf(settings, id)));
  const gone = ids.filter((_id, position) => notes[position] === null);
  // One that is there after all says so again.
  if (gone.length > 0) await redis.srem(idsKey(settings), ...gone);
  return notes
    .flatMap((note) => (note === null ? [] : [noteFrom(note)]))
    .filter((note) => note !== undefined)
    .sort((a, b) => (`${a.host} ${a.startedAt}` < `${b.host} ${b.startedAt}` ? -1 : 1));
}

/** A note that a newer version wrote in another form is left out. */
function noteFrom(text: string): ReplicaNote | undefined {
  try {
    return replicaSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function idsKey(settings: Settings): string {
  return `${settings['redis.key-prefix']}:replicas`;
}

function keyOf(settings: Settings, id: string): string {
  return `${settings['redis.key-prefix']}:replica:${id}`;
}
