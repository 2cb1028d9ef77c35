import type { Overview } from '../api/shapes.js';

/** How the page hears of news. */
export interface Connection {
  readonly state: 'connecting' | 'live' | 'lost';
  /** Since when, in ms of this machine's clock. */
  readonly since: number;
}

/** Who wants to know. */
export interface Listener {
  readonly onOverview: (overview: Overview) => void;
  readonly onConnection: (connection: Connection) => void;
  /** Called each time that connecting has failed. */
  readonly onFailure: () => void;
}

/** A server that says nothing for so long is away, in ms: it sends something every few seconds. */
const SILENCE_MS = 20_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Follows the events of the server. Browsers connect again by themselves after some errors and not after others, and
 * do not notice a connection that is silent; here it is always done.
 *
 * @param url of the events
 */
export function followEvents(url: string, { onOverview, onConnection, onFailure }: Listener): void {
  let wait = FIRST_WAIT_MS;
  let source: EventSource | undefined;
  let silence: number | undefined;
  let again: number | undefined;
  let state: Connection['state'] = 'connecting';

  const become = (next: Connection['state']): void => {
    if (state === next) return;
    state = next;
    onConnection({ state, since: Date.now() });
  };
  const heard = (): void => {
    window.clearTimeout(silence);
    silence = window.setTimeout(lose, SILENCE_MS);
    wait = FIRST_WAIT_MS;
    become('live');
  };
  const lose = (): void => {
    window.clearTimeout(silence);
    source?.close();
    become('lost');
    onFailure();
    again = window.setTimeout(connect, wait);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  };
  const connect = (): void => {
    source = new EventSource(url);
    source.addEventListener('overview', ({ data }: MessageEvent<string>) => {
      heard();
      onOverview(overviewIn(data));
    });
    source.addEventListener('ping', heard);
    source.addEventListener('error', lose);
    silence = window.setTimeout(lose, SILENCE_MS);
  };
  // Browsers open few connections to one host, and pages that nobody sees must not take them from those that are seen.
  document.addEventListener('visibilitychange', () => {
    window.clearTimeout(silence);
    window.clearTimeout(again);
    source?.close();
    if (document.hidden) return;
    become('connecting');
    connect();
  });
  connect();
}

function overviewIn(data: string): Overview {
  const value: unknown = JSON.parse(data);
  if (!isOverview(value)) throw new TypeError('the event holds no overview');
  return value;
}

function isOverview(value: unknown): value is Overview {
  return typeof value === 'object' && value !== null && 'headline' in value && 'pipelines' in value;
}
