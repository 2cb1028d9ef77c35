import { about, ok, problem, warning, type Finding } from '../../pipelines/finding.js';

/** What Redis says of itself. */
export interface RedisFacts {
  readonly version: string;
  /** `maxmemory-policy`; empty when it is not told. */
  readonly policy: string;
  /** Bytes; 0 for no limit. */
  readonly maxMemory: number;
  /** Bytes. */
  readonly usedMemory: number;
  /** Whether there is an append-only file. */
  readonly aof: boolean;
  /** Whether it saves snapshots; undefined when it is not told. */
  readonly snapshots: boolean | undefined;
  readonly lastSaveFailed: boolean;
  readonly replica: boolean;
  readonly cluster: boolean;
  /** Why a key could not be written, or a script not be run; empty when both went well. */
  readonly refusal: string;
}

/** The oldest version that BullMQ works with as it should. */
const OLDEST = [6, 2] as const;
/** From this part of maxmemory on there is little room left. */
const NEARLY_FULL = 0.8;

/** Judges how a Redis is set up. */
export function judgeRedis(url: string, facts: RedisFacts): readonly Finding[] {
  return [
    judgeVersion(url, facts),
    judgeWriting(url, facts),
    judgeEviction(url, facts),
    judgeMemory(url, facts),
    judgePersistence(url, facts),
  ].flat();
}

function judgeVersion(url: string, { version }: RedisFacts): Finding {
  const on = about('redis.reachable', url);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  return isOld
    ? problem(on, `Redis ${version} answers`, `use Redis ${OLDEST.join('.')} or newer`)
    : ok(on, `Redis ${version} answers`);
}

function judgeWriting(url: string, { replica, cluster, refusal }: RedisFacts): Finding {
  const on = about('redis.writable', url);
  if (cluster)
    return problem(
      on,
      'it is a Redis cluster',
      'name a Redis without cluster mode: a queue needs all of its keys on one node',
    );
  if (replica) return problem(on, 'it is a replica, which takes no writes', 'name the primary in redis.url');
  if (refusal !== '')
    return problem(
      on,
      `a key cannot be written: ${refusal}`,
      'let the user write keys with redis.key-prefix and run scripts',
    );
  return ok(on, 'a key was written, and removed by a script');
}

function judgeEviction(url: string, { policy }: RedisFacts): Finding {
  const on = about('redis.eviction', url);
  if (policy === 'noeviction') return ok(on, 'maxmemory-policy is noeviction');
  if (policy === '')
    return warning(
      on,
      'it does not tell its maxmemory-policy',
      'see that it is noeviction: each key is part of a job',
    );
  return problem(
    on,
    `maxmemory-policy is ${policy}: Redis may throw away parts of jobs`,
    'set maxmemory-policy noeviction, in redis.conf too (CONFIG SET alone is forgotten)',
  );
}

function judgeMemory(url: string, { maxMemory, usedMemory }: RedisFacts): readonly Finding[] {
  const on = about('redis.memory', url);
  if (maxMemory === 0 || usedMemory < maxMemory * NEARLY_FULL) return [];
  const percent = Math.round((usedMemory / maxMemory) * 100);
  return [
    warning(
      on,
      `${String(percent)} % of maxmemory are in use`,
      'raise maxmemory, or keep fewer finished jobs (queue.keep-completed-count): a full Redis takes no new orders',
    ),
  ];
}

function judgePersistence(url: string, { aof, snapshots, lastSaveFailed }: RedisFacts): Finding {
  const on = about('redis.persistence', url);
  if (lastSaveFailed)
    return warning(
      on,
      'its last write to disk failed',
      'see its log and its disk; it may refuse writes soon',
    );
  if (aof) return ok(on, 'it keeps an append-only file');
  const found =
    snapshots === undefined
      ? 'it has no append-only file'
      : `it has no append-only file, ${snapshots ? 'only snapshots' : 'and no snapshots'}`;
  return warning(
    on,
    found,
    'set appendonly yes: nothing is lost without it, but after a restart the queue is filled anew from the order book',
  );
}
