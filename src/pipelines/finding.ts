/**
 * How something in a deployment is.
 *
 * - `ok`: as it should be
 * - `warning`: it works, but not as well or as safely as it could, or it could not be found out
 * - `problem`: it does not work, or records can be lost
 */
export type Verdict = 'ok' | 'warning' | 'problem';

/** What `log-courier doctor` found out about one thing. */
export interface Finding {
  /** What was looked at, the same words each time, for machines: `redis.eviction`. */
  readonly check: string;
  /** Which of several: a URL, a table, a bucket; empty when there is one only. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found, for people. */
  readonly found: string;
  /** What to do about it; empty when nothing is to be done. */
  readonly advice: string;
}

/** What a finding is about. */
export type About = Pick<Finding, 'check' | 'subject'>;

/** Names what a finding is about. */
export function about(check: string, subject = ''): About {
  return { check, subject };
}

/** Nothing is to be done. */
export function ok(on: About, found: string): Finding {
  return { ...on, verdict: 'ok', found, advice: '' };
}

/** It works, but better is possible. */
export function warning(on: About, found: string, advice: string): Finding {
  return { ...on, verdict: 'warning', found, advice };
}

/** Somebody must do something. */
export function problem(on: About, found: string, advice: string): Finding {
  return { ...on, verdict: 'problem', found, advice };
}

/** How a pipeline is to look at its part of a deployment. */
export interface DoctorContext {
  readonly signal: AbortSignal;
  /**
   * Places at the destination to write a test object to, and remove it: buckets, or what the pipeline has instead. Where
   * none is named, those that records name lately are tried in a way that leaves nothing there at any moment.
   */
  readonly places: readonly string[];
}
