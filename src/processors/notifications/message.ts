import type { Settings } from '../../config/settings.js';
import type { Cause, RecoveredSource, StuckNews } from './news.js';

/** A source in a message. */
interface SourceInMessage {
  readonly source: string;
  /** Its page on the dashboard; absent without `dashboard.public-url`. */
  readonly url?: string;
}

/** A cause in a message, with the first of its sources. */
interface CauseInMessage {
  readonly code: string;
  readonly reason: string;
  readonly sourceCount: number;
  readonly orders: number;
  readonly records: number;
  /** When the first of the orders failed, ISO 8601. */
  readonly since: string;
  readonly sources: readonly (SourceInMessage & {
    readonly orders: number;
    readonly records: number;
    readonly since: string;
  })[];
}

/** One message, as the webhook gets it (docs/notifications.md); mail is made of its texts. */
export interface Message {
  readonly version: 1;
  readonly kind: 'stuck' | 'recovered' | 'test';
  readonly pipeline: string;
  /** When the look was that found it, ISO 8601. */
  readonly at: string;
  /** One line. */
  readonly title: string;
  /** All of it, for people. */
  readonly text: string;
  /** The dashboard, if it has a public address. */
  readonly url?: string;
  readonly stuck: readonly CauseInMessage[];
  readonly still: readonly CauseInMessage[];
  readonly recovered: readonly (SourceInMessage & { readonly since: string })[];
  /** Recovered sources, those that are not named too. */
  readonly recoveredCount: number;
}

/** What a message is written with. */
export interface Wording {
  readonly pipeline: string;
  /** What the pipeline calls its sources. */
  readonly source: { readonly one: string; readonly many: string };
}

/** Causes, and sources of a cause, that a message names; more are only counted. */
const MOST_NAMED = 50;
/** The same of its text. */
const MOST_IN_TEXT = 10;
/** Characters of a reason that the text has. */
const LONGEST_REASON = 400;

/** Writes the message for some news. */
export function messageOf(
  settings: Settings,
  wording: Wording,
  news: Pick<StuckNews, 'stuck' | 'still' | 'recovered'>,
  at: string,
): Message {
  const causes = (some: readonly Cause[]): CauseInMessage[] =>
    some.slice(0, MOST_NAMED).map((cause) => causeInMessage(settings, wording.pipeline, cause));
  const { stuck, still, recovered } = news;
  const title = titleOf(wording, news);
  return {
    version: 1,
    kind: stuck.length + still.length > 0 ? 'stuck' : 'recovered',
    pipeline: wording.pipeline,
    at,
    title,
    text: [title, ...linesOf(settings, wording, news)].join('\n'),
    ...dashboardUrl(settings),
    stuck: causes(stuck),
    still: causes(still),
    recovered: recovered
      .slice(0, MOST_NAMED)
      .map(({ source, since }) => ({ source, since, ...pageOf(settings, wording.pipeline, source) })),
    recoveredCount: recovered.length,
  };
}

/** A message that shows that messages arrive. */
export function testMessage(settings: Settings, at: string): Message {
  const title = 'log-courier: a test';
  return {
    version: 1,
    kind: 'test',
    pipeline: '',
    at,
    title,
    text: `${title}\nMessages of this log-courier arrive here. Nothing is stuck because of this one.`,
    ...dashboardUrl(settings),
    stuck: [],
    still: [],
    recovered: [],
    recoveredCount: 0,
  };
}

function causeInMessage(
  settings: Settings,
  pipeline: string,
  { code, reason, sources }: Cause,
): CauseInMessage {
  return {
    code,
    reason,
    sourceCount: sources.length,
    ...totalsOf(sources),
    sources: sources
      .slice(0, MOST_NAMED)
      .map((one) => ({ ...one, ...pageOf(settings, pipeline, one.source) })),
  };
}

function totalsOf(sources: Cause['sources']): Pick<CauseInMessage, 'orders' | 'records' | 'since'> {
  return {
    orders: sources.reduce((sum, { orders }) => sum + orders, 0),
    records: sources.reduce((sum, { records }) => sum + records, 0),
    since: sources.reduce((least, { since }) => (since < least ? since : least), sources[0]?.since ?? ''),
  };
}

function titleOf(wording: Wording, { stuck, still, recovered }: Parameters<typeof messageOf>[2]): string {
  const count = (causes: readonly Cause[]): number =>
    causes.reduce((sum, { sources }) => sum + sources.length, 0);
  const parts = [
    ...(stuck.length > 0 ? [`${counted(count(stuck), wording)} stuck`] : []),
    ...(still.length > 0 ? [`${counted(count(still), wording)} still stuck`] : []),
    ...(recovered.length > 0 ? [`${counted(recovered.length, wording)} recovered`] : []),
  ];
  return `log-courier, ${wording.pipeline}: ${parts.join(', ')}`;
}

function counted(count: number, { source: { one, many } }: Wording): string {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

function linesOf(
  settings: Settings,
  wording: Wording,
  { stuck, still, recovered }: Parameters<typeof messageOf>[2],
): string[] {
  const { url } = dashboardUrl(settings);
  return [
    ...textOf(settings, wording, 'Stuck', stuck),
    ...textOf(settings, wording, 'Still stuck', still),
    ...(recovered.length > 0 ? [`Recovered: ${recoveredText(recovered)}`] : []),
    ...(stuck.length + still.length > 0
      ? ['When the cause is mended: retry on the dashboard, or log-courier retry --all']
      : []),
    ...(url === undefined ? [] : [url]),
  ];
}

function textOf(settings: Settings, wording: Wording, word: string, causes: readonly Cause[]): string[] {
  const lines = causes.slice(0, MOST_IN_TEXT).map(({ code, reason, sources }) => {
    const { orders, records, since } = totalsOf(sources);
    const figures = `${numbers.format(orders)} work order${orders === 1 ? '' : 's'}, ${numbers.format(records)} record${records === 1 ? '' : 's'}, since ${since}`;
    const named = sources.slice(0, MOST_IN_TEXT).map(({ source }) => {
      const { url } = pageOf(settings, wording.pipeline, source);
      return url === undefined ? `  ${source}` : `  ${source} ${url}`;
    });
    return [
      `${word} with ${code} (${figures}): ${reason.slice(0, LONGEST_REASON)}`,
      ...named,
      ...more(sources.length - named.length),
    ].join('\n');
  });
  return [...lines, ...more(causes.length - lines.length)];
}

function more(count: number): string[] {
  return count > 0 ? [`  and ${numbers.format(count)} more`] : [];
}

function recoveredText(recovered: readonly RecoveredSource[]): string {
  const named = recovered.slice(0, MOST_IN_TEXT).map(({ source }) => source);
  return [...named, ...more(recovered.length - named.length).map((text) => text.trim())].join(', ');
}

const numbers = new Intl.NumberFormat('en-US');

function dashboardUrl(settings: Settings): { url?: string } {
  const url = settings['dashboard.public-url'].replace(/\/+$/, '');
  return url === '' ? {} : { url: `${url}/` };
}

function pageOf(settings: Settings, pipeline: string, source: string): { url?: string } {
  const { url } = dashboardUrl(settings);
  return url === undefined
    ? {}
    : { url: `${url}source?${new URLSearchParams({ pipeline, source }).toString()}` };
}
