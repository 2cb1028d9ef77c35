import type { RetentionReport } from '../retention.js';

/** Nothing but the clean-up removes rows, and that waits for all destinations: none can be lost by waiting. */
export function nothingExpires(at: string): RetentionReport {
  return { at, records: 0, sources: 0, deadline: null, expiring: [], complete: true, expired: [] };
}
