import { isError } from '../observability/is-error.js';
import { networkErrorCode } from '../observability/network-error.js';

/**
 * What came of asking an engine whether it is there.
 *
 * - `answer`: it is
 * - `silence`: no answer in time, or one that says that it is unwell
 * - `lost`: the network says that it cannot be reached
 * - `refused`: nothing listens there, which leaves no doubt
 */
export type Reply = 'answer' | 'silence' | 'lost' | 'refused';

/** What is known of one engine. Times are readings of `performance.now()`. */
export interface EngineCondition {
  /** Failures in a row. */
  readonly failures: number;
  /** When the first of these failures was. */
  readonly failingSince: number;
  /** When the engine first answered after the last failure. */
  readonly answeringSince: number;
  readonly away: boolean;
  /** True when one of the failures came from the network. */
  readonly lost: boolean;
}

/** An engine of which nothing bad is known. */
export const ANSWERING: EngineCondition = {
  failures: 0,
  failingSince: -Infinity,
  answeringSince: -Infinity,
  away: false,
  lost: false,
};

/** Failures in a row after which an engine counts as away: one slow answer is no outage. */
const FAILURES_OF_AN_OUTAGE = 2;

/** The condition after a reply at a time. */
export function afterReply(condition: EngineCondition, reply: Reply, now: number): EngineCondition {
  if (reply === 'answer') return condition.failures === 0 ? condition : { ...ANSWERING, answeringSince: now };
  const failures = condition.failures + 1;
  const away = condition.away || reply === 'refused' || failures >= FAILURES_OF_AN_OUTAGE;
  return {
    failures,
    failingSince: condition.failures === 0 ? now : condition.failingSince,
    answeringSince: condition.answeringSince,
    away,
    lost: condition.lost || reply !== 'silence',
  };
}

/** Tells whether an engine did not answer at any time since a moment. */
export function hasFailedSince({ failures, answeringSince }: EngineCondition, since: number): boolean {
  return failures > 0 || answeringSince >= since;
}

/** How deep the cause of an error is looked for. */
const DEEPEST_CAUSE = 5;

/** Which reply an error stands for. */
export function replyOf(error: unknown): Exclude<Reply, 'answer'> {
  let cause = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && isError(cause); depth += 1) {
    const code = networkErrorCode(cause);
    if (code !== undefined) return code === 'ECONNREFUSED' ? 'refused' : 'lost';
    cause = cause.cause;
  }
  return 'silence';
}
