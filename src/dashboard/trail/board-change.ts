/** What a change on the board is called in the trail. */
export interface BoardChange {
  /** As the board's API names it, behind "board": "board: retry". */
  readonly action: string;
  /** The queue, job or schedule that it is about. */
  readonly about: string;
}

/**
 * Reads from an address of the board's API what a change is about.
 *
 * @param path below the board's own path, as it came: `/api/queues/delivery-access-logs/order-1/retry`
 */
export function boardChangeOf(method: string, path: string): BoardChange {
  const parts = path.split('/').slice(1).map(decoded);
  if (parts[0] !== 'api' || parts[1] !== 'queues')
    return { action: `board: ${method}`, about: parts.join('/').slice(0, LONGEST_PATH) };
  const rest = parts.slice(2);
  const [first = '', second = '', third = '', fourth = ''] = rest;
  switch (rest.length) {
    case 1:
      return { action: `board: ${first}`, about: 'all queues' };
    case 2:
      return { action: `board: ${second}`, about: `queue ${first}` };
    case 3:
      if (second === 'job-schedulers')
        return { action: 'board: reschedule', about: `schedule ${third} of queue ${first}` };
      if (second === 'retry' || second === 'clean')
        return { action: `board: ${second} all`, about: `${third} jobs of queue ${first}` };
      if (second === 'rate-limit') return { action: `board: ${third} rate limit`, about: `queue ${first}` };
      return { action: `board: ${third}`, about: `job ${second} of queue ${first}` };
    case 4:
      if (second === 'job-schedulers')
        return { action: `board: ${fourth} schedule`, about: `schedule ${third} of queue ${first}` };
  }
  return { action: `board: ${method}`, about: parts.join('/').slice(0, LONGEST_PATH) };
}

const LONGEST_PART = 200;
const LONGEST_PATH = 500;

function decoded(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch {
    // Malformed percent encoding is kept as it came.
  }
  return text.slice(0, LONGEST_PART);
}
