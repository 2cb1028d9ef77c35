import type { Change, Failures, History, PipelineOverview, SourcePage } from '../api/shapes.js';
import { besideHeadline } from './agreement.js';
import { Desk } from './desk.js';
import { emptiedElement } from './page.js';
import { Charts } from './parts/charts.js';
import { Engines, Replicas } from './parts/engines.js';
import { FailuresPart } from './parts/failures.js';
import { Figures } from './parts/figures.js';
import { Frame, LiveSign } from './parts/frame.js';
import { Headline } from './parts/headline.js';
import { PauseButtons, Pauses } from './parts/pauses.js';
import { Sources } from './parts/sources.js';
import { Trail } from './parts/trail.js';
import { Resource, type Loaded } from './resource.js';
import { queryOf, viewFrom, type View } from './sources-query.js';
import { Fragment, h, render, type VNode } from './vendor/preact.js';

const PAGE_SIZE = 25;
/** How many of the last changes are shown. */
const SOME_CHANGES = 12;
/** Failure groups that are shown at first, and with each press on the button for more. */
const SOME_GROUPS = 20;
/** A search is asked for when nothing was typed for so long, in ms. */
const TYPING_MS = 250;
/** What is this old is read again also when the news is not about it, in ms. */
const OLD_MS = 10_000;
/** A day changes little, and is long. */
const DAY_OLD_MS = 60_000;

const live = emptiedElement('live');
const app = emptiedElement('app');

let view: View = viewFrom(location.search);
let shownGroups = SOME_GROUPS;
let typing: number | undefined;
let lastTold = '';

const desk = new Desk(draw, readNews);
const changed = (): void => {
  desk.changed();
};

const sources = new Resource(async (signal) => {
  const { search, state, sort, direction, page } = view;
  const query = { pipeline: nameOfPipeline(), search, state, sort, direction, page, pageSize: PAGE_SIZE };
  const read = await desk.api.get<SourcePage>('sources', query, ['rows', 'total'], signal);
  const last = Math.max(1, Math.ceil(read.total / PAGE_SIZE));
  if (page <= last) return read;
  // An old address, or there are fewer now.
  view = { ...view, page: last };
  return desk.api.get<SourcePage>('sources', { ...query, page: last }, ['rows', 'total'], signal);
}, changed);
const failures = new Resource(
  (signal) => desk.api.get<Failures>('failures', { pipeline: nameOfPipeline() }, ['groups'], signal),
  changed,
);
const history = new Resource((signal) => {
  const query = { pipeline: nameOfPipeline(), span: view.span };
  return desk.api.get<History>('history', query, ['points'], signal);
}, changed);
const trail = new Resource(
  (signal) => desk.api.get<readonly Change[]>('changes', { limit: SOME_CHANGES }, ['length'], signal),
  changed,
);

/** The pipeline that is looked at: that of the address, or the first. */
function pipelineShown(): PipelineOverview | undefined {
  const pipelines = desk.overview?.pipelines ?? [];
  return pipelines.find(({ name }) => name === view.pipeline) ?? pipelines[0];
}

function nameOfPipeline(): string | undefined {
  return pipelineShown()?.name;
}

/** Reads what has changed: at once what the news is about, and the rest when it has got old. */
function readNews(isOwnChange: boolean): void {
  const pipeline = pipelineShown();
  if (pipeline === undefined || document.hidden) return;
  const { readAt, orders, stuckSources } = pipeline;
  const told = JSON.stringify([readAt, orders, stuckSources]);
  const isChanged = isOwnChange || told !== lastTold;
  lastTold = told;
  sources.refresh(isChanged ? 0 : OLD_MS);
  failures.refresh(isChanged ? 0 : OLD_MS);
  trail.refresh(isOwnChange ? 0 : OLD_MS);
  history.refresh(view.span === 'day' ? DAY_OLD_MS : OLD_MS);
}

/** Shows something else, and says so in the address. Each letter of a search is no page of its own. */
function show(next: View): void {
  const isTyped = next.search !== view.search;
  const address = `${location.pathname}${queryOf(next)}`;
  if (isTyped) window.history.replaceState(null, '', address);
  else window.history.pushState(null, '', address);
  take(next, isTyped ? TYPING_MS : 0);
}

function take(next: View, delayMs: number): void {
  const before = view;
  view = next;
  desk.changed();
  if (next.pipeline !== before.pipeline) failures.restart();
  if (next.pipeline !== before.pipeline || next.span !== before.span) history.restart();
  const tableOf = (one: View): string => queryOf({ ...one, span: 'hour' });
  if (tableOf(next) === tableOf(before)) return;
  window.clearTimeout(typing);
  typing = window.setTimeout(() => {
    sources.restart();
  }, delayMs);
}

function draw(): void {
  render(<LiveSign desk={desk} />, live);
  render(
    <Frame desk={desk}>
      <Pauses desk={desk} />
      <div class="top">
        <Headline desk={desk} />
        <PauseButtons desk={desk} pipeline={nameOfPipeline() ?? ''} />
      </div>
      <Content />
    </Frame>,
    app,
  );
}

function Content(): VNode | null {
  const { overview } = desk;
  const pipeline = pipelineShown();
  if (overview === undefined || pipeline === undefined) return null;
  const { name, words } = pipeline;
  return (
    <Fragment>
      <Engines engines={overview.engines} now={desk.now} />
      <PipelineChoice shown={name} />
      <Figures of={pipeline} now={desk.now} />
      <FailuresPart
        key={`failures ${name}`}
        desk={desk}
        pipeline={name}
        words={words}
        failures={besideHeadline(pipeline, ofPipeline(failures.state, name))}
        shown={shownGroups}
        onMore={() => {
          shownGroups += SOME_GROUPS;
          desk.changed();
        }}
      />
      <Charts
        desk={desk}
        words={words}
        history={ofPipeline(history.state, name)}
        span={view.span}
        onSpan={(span) => {
          show({ ...view, span });
        }}
      />
      <Sources
        desk={desk}
        pipeline={name}
        words={words}
        sources={ofPipeline(sources.state, name)}
        view={view}
        onView={show}
      />
      <div class="side-by-side">
        <Replicas replicas={overview.replicas} now={desk.now} />
        <Trail desk={desk} changes={trail.state} />
      </div>
    </Fragment>
  );
}

/** What was read of a pipeline; nothing, while what there is is still another's. */
function ofPipeline<Value extends { readonly pipeline: string }>(
  state: Loaded<Value>,
  name: string,
): Loaded<Value> {
  return state.value?.pipeline === name ? state : { ...state, value: undefined, readAt: undefined };
}

/** The name of the pipeline, and a choice where there are several. */
function PipelineChoice({ shown }: { readonly shown: string }): VNode {
  const pipelines = desk.overview?.pipelines ?? [];
  return (
    <div class="pipelines" role="group" aria-label="Pipelines">
      {pipelines.map(({ name, words }) =>
        pipelines.length === 1 ? (
          <h2 key={name}>{words.title}</h2>
        ) : (
          <button
            key={name}
            type="button"
            aria-pressed={name === shown}
            onClick={() => {
              show({ ...view, pipeline: name, page: 1 });
            }}
          >
            {words.title}
          </button>
        ),
      )}
    </div>
  );
}

window.addEventListener('popstate', () => {
  take(viewFrom(location.search), 0);
});
document.addEventListener('visibilitychange', () => {
  readNews(false);
});
desk.start();
