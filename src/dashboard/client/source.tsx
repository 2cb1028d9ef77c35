import type { PipelineWords, SourceDetail } from '../api/shapes.js';
import { askRetry, askSkip } from './changes.js';
import { Desk } from './desk.js';
import { capitalized, formatRelative, formatUtc } from './format.js';
import { emptiedElement } from './page.js';
import { FirstLines, type WantedLines } from './parts/first-lines.js';
import { Frame, LiveSign } from './parts/frame.js';
import { Order } from './parts/order.js';
import { Pager } from './parts/pager.js';
import { Pauses } from './parts/pauses.js';
import { StateOfLoading } from './parts/state-of-loading.js';
import { STATE_TONES } from './parts/sources.js';
import { When } from './parts/time.js';
import { ToneIcon } from './parts/tone.js';
import { Resource } from './resource.js';
import { stateSentence } from './sentences.js';
import { Fragment, h, render, type VNode } from './vendor/preact.js';

const live = emptiedElement('live');
const app = emptiedElement('app');

const query = new URLSearchParams(location.search);
const pipeline = query.get('pipeline') ?? '';
const source = query.get('source') ?? '';
let page = pageIn(location.search);
let wanted: WantedLines | undefined;

const desk = new Desk(draw, () => {
  if (!document.hidden) detail.refresh();
});
const detail = new Resource(
  (signal) =>
    desk.api.get<SourceDetail>('source', { pipeline, source, page }, ['orders', 'totalOrders'], signal),
  () => {
    desk.changed();
  },
);

function pageIn(search: string): number {
  const number = Number(new URLSearchParams(search).get('page') ?? '1');
  return Number.isSafeInteger(number) && number >= 1 ? number : 1;
}

function turnTo(next: number): void {
  page = next;
  detail.restart();
}

function draw(): void {
  render(<LiveSign desk={desk} />, live);
  render(
    <Frame desk={desk}>
      <Pauses desk={desk} />
      <Content />
      {wanted !== undefined && (
        <FirstLines
          key={`${wanted.order} ${String(wanted.index)}`}
          desk={desk}
          pipeline={pipeline}
          source={source}
          wanted={wanted}
          onEnd={() => {
            wanted = undefined;
            desk.changed();
          }}
        />
      )}
    </Frame>,
    app,
  );
}

function Content(): VNode {
  const words = desk.overview?.pipelines.find(({ name }) => name === pipeline)?.words;
  const { value } = detail.state;
  return (
    <Fragment>
      <p class="crumbs">
        <a href={`${desk.page.base}?${new URLSearchParams({ pipeline }).toString()}`}>
          {words === undefined ? 'Overview' : `${words.title}: ${words.source.many}`}
        </a>
      </p>
      <h1 class="names">
        {words !== undefined && <span class="quiet kind">{capitalized(words.source.one)}</span>} {source}
      </h1>
      <StateOfLoading desk={desk} of={detail.state} what="This" />
      {words !== undefined && value !== undefined && (
        <Fragment>
          <p class={`standing tone-${STATE_TONES[value.state]}`}>
            <ToneIcon tone={STATE_TONES[value.state]} /> {stateSentence(words, value)}
          </p>
          {value.note !== null && <p class="note">{value.note}</p>}
          <Facts words={words} value={value} />
          <Timeline words={words} value={value} />
        </Fragment>
      )}
    </Fragment>
  );
}

interface Known {
  readonly words: PipelineWords;
  readonly value: SourceDetail;
}

function Facts({ words, value }: Known): VNode {
  const { completeUpTo, retentionEndsAt, targets, lastDeliveredAt } = value;
  return (
    <dl class="figures facts-of-source">
      <div class="figure">
        <dt>Complete up to</dt>
        <dd>
          <strong>{completeUpTo === null ? 'nothing yet' : formatUtc(completeUpTo)}</strong>
          <span class="quiet">
            {completeUpTo === null
              ? `no ${words.record.one} is delivered`
              : `${formatRelative(Date.parse(completeUpTo), desk.now)}: all ${words.record.many} that came in before are delivered, or were given up`}
          </span>
        </dd>
      </div>
      <div class="figure">
        <dt>Last delivery</dt>
        <dd>
          <strong>{lastDeliveredAt === null ? 'never' : <When at={lastDeliveredAt} now={desk.now} />}</strong>
          {lastDeliveredAt !== null && <span class="quiet">{formatUtc(lastDeliveredAt)}</span>}
        </dd>
      </div>
      <div class="figure">
        <dt>{capitalized(words.target.one)}</dt>
        <dd>
          <strong class="names">{targets.length === 0 ? 'none' : targets.join(', ')}</strong>
        </dd>
      </div>
      {retentionEndsAt !== null && (
        <div class="figure">
          <dt>Retention of the oldest ends</dt>
          <dd>
            <strong>
              <When at={retentionEndsAt} now={desk.now} />
            </strong>
            <span class="quiet">{formatUtc(retentionEndsAt)}</span>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Timeline({ words, value }: Known): VNode {
  const { orders, totalOrders, pageSize } = value;
  return (
    <section aria-labelledby="orders">
      <h2 id="orders" tabIndex={-1}>
        Work orders, newest first
      </h2>
      {totalOrders === 0 && <p class="empty">No work order was made for it yet.</p>}
      <ol class={detail.state.isOutdated ? 'orders outdated' : 'orders'}>
        {orders.map((order) => {
          const subject = {
            orders: 1,
            records: order.records - order.deliveredRecords,
            which: `of ${source}`,
          };
          return (
            <Order
              key={order.id}
              desk={desk}
              words={words}
              order={order}
              onRetry={() => {
                askRetry(desk, words, { pipeline, order: order.id }, subject);
              }}
              onSkip={() => {
                askSkip(desk, words, { pipeline, order: order.id }, subject);
              }}
              onLines={(object) => {
                wanted = { order: order.id, index: object.index, key: object.key };
                desk.changed();
              }}
            />
          );
        })}
      </ol>
      <Pager
        page={{ page: value.page, pageSize, total: totalOrders }}
        noun={{ one: 'work order', many: 'work orders' }}
        onPage={(next) => {
          const address = new URLSearchParams({ pipeline, source, page: String(next) });
          window.history.pushState(null, '', `${location.pathname}?${address.toString()}`);
          turnTo(next);
          document.getElementById('orders')?.focus();
        }}
      />
    </section>
  );
}

window.addEventListener('popstate', () => {
  turnTo(pageIn(location.search));
});
detail.refresh();
desk.start();
