import type { Random } from '../random.js';

/** The target buckets of a run. */
export const TARGET_BUCKETS = ['chaos-logs-a', 'chaos-logs-b', 'chaos-logs-c', 'chaos-logs-d'] as const;

/** A bucket that is used, and where its owner wants the log objects. */
export interface LoadSource {
  readonly bucket: string;
  readonly raftSession: number;
  /** Records at a time, from 0 up to this. */
  readonly records: number;
  /** Targets by turns: a new one every {@link TURN_SECONDS}. An empty bucket goes nowhere. */
  readonly targets: readonly [LoadTarget, ...LoadTarget[]];
  /** Part of the records for which logging is on. */
  readonly logged: number;
  /** Length of each record's user agent. */
  readonly padding: number;
  /** Probability that it has records at all, each time. */
  readonly busy: number;
}

/** Where log objects go. */
export interface LoadTarget {
  readonly bucket: string;
  readonly prefix: string;
}

/** How long a source keeps a target. */
export const TURN_SECONDS = 11;

const RAFT_SESSIONS = 4;
const ORDINARY_SOURCES = 10;

/** The sources of a run: ordinary ones, and one of each kind that has made trouble somewhere. */
export function planSources(random: Random, recordsAtATime: number): readonly LoadSource[] {
  const share = (2 * recordsAtATime) / (ORDINARY_SOURCES + 4);
  const [a, b, c, d] = TARGET_BUCKETS;
  const basic = { records: share, logged: 1, padding: 0, busy: 1 };
  const one = (bucket: string, prefix: string): [LoadTarget] => [{ bucket, prefix }];
  const ordinary = Array.from({ length: ORDINARY_SOURCES }, (_, number) => ({
    ...basic,
    bucket: `ordinary-${number}`,
    raftSession: 1 + (number % RAFT_SESSIONS),
    targets: one(random.pick(TARGET_BUCKETS), number % 2 === 0 ? '' : `ordinary-${number}/`),
  }));
  return [
    ...ordinary,
    // One bucket on two raft sessions: two sources.
    { ...basic, bucket: 'two-sessions', raftSession: 1, targets: one(a, 'two/') },
    { ...basic, bucket: 'two-sessions', raftSession: 2, targets: one(a, 'two/') },
    {
      ...basic,
      bucket: 'changes-target',
      raftSession: 3,
      targets: [
        { bucket: b, prefix: 'changes/' },
        { bucket: c, prefix: 'changes/' },
        { bucket: c, prefix: 'other/' },
      ],
    },
    { ...basic, bucket: 'half-logged', raftSession: 4, targets: one(d, 'half/'), logged: 0.5 },
    { ...basic, bucket: 'no-target', raftSession: 1, targets: one('', ''), records: share / 4 },
    // Objects of more than 5 MiB: multipart uploads.
    {
      ...basic,
      bucket: 'large-records',
      raftSession: 2,
      targets: one(d, 'large/'),
      records: 250,
      padding: 50_000,
      busy: 0.03,
    },
  ];
}
