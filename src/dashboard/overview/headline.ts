import type { EngineHealth, Headline, Pause, PipelineOverview, Tone } from '../api/shapes.js';
import { countText, durationText, listText } from './words.js';

/** A pipeline, and why its sources are stuck. */
export interface HeadlinePipeline extends Pick<
  PipelineOverview,
  | 'words'
  | 'waitingRecords'
  | 'oldestAgeSeconds'
  | 'stuckSources'
  | 'nearRetention'
  | 'readAt'
  | 'lastDiscoveryAt'
  | 'name'
> {
  /** Codes of the failures, the most frequent first. */
  readonly failureCodes: readonly string[];
}

/** What a headline is made of. */
export interface HeadlineFacts {
  /** Now, in ms. */
  readonly nowMs: number;
  readonly engines: readonly Pick<EngineHealth, 'engine' | 'ok' | 'since'>[];
  readonly pauses: readonly Pause[];
  readonly pipelines: readonly HeadlinePipeline[];
  /** Records that have waited for longer are late. */
  readonly lateAfterSeconds: number;
  /** A discovery that ended longer ago is missed. */
  readonly discoveryMissedAfterSeconds: number;
}

/** What engines are called in sentences. */
const ENGINE_NAMES: Readonly<Record<string, string>> = { redis: 'Redis', clickhouse: 'ClickHouse', s3: 'S3' };
/** Codes that a headline names. */
const MOST_CODES = 2;

/**
 * The state of everything in one sentence: the worst that there is to say. An engine that is away comes first, since
 * nothing else can be told for sure without it; then what is stuck, what will be lost, what somebody holds up, what
 * nobody looks for, and at last how far everything is.
 */
export function headlineOf(facts: HeadlineFacts): Headline {
  return (
    engineAway(facts) ??
    firstOf(facts, stuck) ??
    firstOf(facts, nearTheEnd) ??
    paused(facts) ??
    firstOf(facts, notRead) ??
    firstOf(facts, noDiscovery) ??
    firstOf(facts, late) ??
    standing(facts)
  );
}

type Say = (pipeline: HeadlinePipeline, facts: HeadlineFacts) => Headline | undefined;

/** What there is to say of the first pipeline of which there is; with its name, when there are several. */
function firstOf(facts: HeadlineFacts, say: Say): Headline | undefined {
  for (const pipeline of facts.pipelines) {
    const said = say(pipeline, facts);
    if (said === undefined) continue;
    return facts.pipelines.length === 1 ? said : { ...said, text: `${pipeline.words.title}: ${said.text}` };
  }
  return undefined;
}

function engineAway({ engines, nowMs }: HeadlineFacts): Headline | undefined {
  const away = engines.filter(({ ok }) => !ok);
  const [first] = away;
  if (first === undefined) return undefined;
  const names = away.map(({ engine }) => ENGINE_NAMES[engine] ?? engine);
  const since = Math.min(...away.map(({ since: at }) => Date.parse(at)));
  const verb = away.length === 1 ? 'has' : 'have';
  return {
    tone: 'bad',
    text: `${listText(names, names.length)} ${verb} been away for ${durationText((nowMs - since) / 1000)}; what needs ${away.length === 1 ? 'it' : 'them'} waits`,
  };
}

const stuck: Say = ({ stuckSources, failureCodes, words }) =>
  stuckSources === 0
    ? undefined
    : {
        tone: 'bad',
        text: `${countText(stuckSources, words.source)} stuck: ${listText(failureCodes, MOST_CODES)}`,
      };

const nearTheEnd: Say = ({ nearRetention: { records, sources, firstEndsAt }, words }, { nowMs }) => {
  if (records === 0) return undefined;
  const left = firstEndsAt === null ? undefined : (Date.parse(firstEndsAt) - nowMs) / 1000;
  const of = `${countText(records, words.record)} of ${countText(sources, words.source)}`;
  if (left !== undefined && left <= 0)
    return { tone: 'bad', text: `${of} may be lost: their retention has ended undelivered` };
  const end = left === undefined ? 'soon' : `in ${durationText(left)}`;
  return { tone: 'bad', text: `The retention of ${of} begins to end ${end}, undelivered` };
};

function paused({ pauses, pipelines, nowMs }: HeadlineFacts): Headline | undefined {
  const [first] = pauses;
  if (first === undefined) return undefined;
  const what = [...new Set(pauses.map(({ what: part }) => part))].sort().reverse();
  const title = pipelines.find(({ name }) => name === first.pipeline)?.words.title;
  const whose =
    title === undefined ||
    pipelines.length === 1 ||
    pauses.some(({ pipeline }) => pipeline !== first.pipeline)
      ? ''
      : ` of ${title}`;
  const since = durationText((nowMs - Date.parse(first.at)) / 1000);
  const text = `${listText(what, what.length)}${whose} paused by ${first.by} ${since} ago`;
  return { tone: 'warning', text: `${text.charAt(0).toUpperCase()}${text.slice(1)}` };
}

const notRead: Say = ({ readAt }) =>
  readAt === null ? { tone: 'busy', text: 'The figures are being read' } : undefined;

const noDiscovery: Say = ({ lastDiscoveryAt }, { nowMs, discoveryMissedAfterSeconds }) => {
  const age = lastDiscoveryAt === null ? undefined : (nowMs - Date.parse(lastDiscoveryAt)) / 1000;
  if (age !== undefined && age <= discoveryMissedAfterSeconds) return undefined;
  const since = age === undefined ? 'lately' : `for ${durationText(age)}`;
  return {
    tone: 'warning',
    text: `No discovery has run ${since}: see that a process with the discovery role runs`,
  };
};

const late: Say = ({ waitingRecords, oldestAgeSeconds, words }, { lateAfterSeconds }) =>
  oldestAgeSeconds === null || oldestAgeSeconds <= lateAfterSeconds
    ? undefined
    : {
        tone: 'busy',
        text: `${countText(waitingRecords, words.record)} ${waitingRecords === 1 ? 'waits' : 'wait'}; the oldest came in ${durationText(oldestAgeSeconds)} ago`,
      };

/** All is well: how old the oldest record is that waits for its time. */
function standing({ pipelines }: HeadlineFacts): Headline {
  const goods = [...new Set(pipelines.map(({ words }) => words.goods))];
  const tone: Tone = 'good';
  const oldest = pipelines
    .filter(({ oldestAgeSeconds }) => oldestAgeSeconds !== null)
    .sort((a, b) => (b.oldestAgeSeconds ?? 0) - (a.oldestAgeSeconds ?? 0))[0];
  const all = `All ${listText(goods, goods.length)} delivered`;
  if (oldest === undefined) return { tone, text: all };
  const age = durationText(oldest.oldestAgeSeconds ?? 0);
  return { tone, text: `${all}; oldest waiting ${oldest.words.record.one} ${age}` };
}
