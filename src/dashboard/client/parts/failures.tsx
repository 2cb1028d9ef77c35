import type { FailureGroupView, Failures, PipelineWords } from '../../api/shapes.js';
import { askRetry, askSkip } from '../changes.js';
import type { Desk } from '../desk.js';
import { capitalized, formatCount, formatNumberOf } from '../format.js';
import { sourceHref } from '../page.js';
import type { Loaded } from '../resource.js';
import { h, type VNode } from '../vendor/preact.js';
import { StateOfLoading } from './state-of-loading.js';
import { HowLong, When } from './time.js';
import { Badge } from './tone.js';

interface Given {
  readonly desk: Desk;
  readonly pipeline: string;
  readonly words: PipelineWords;
  readonly failures: Loaded<Failures>;
  /** How many groups are shown. */
  readonly shown: number;
  readonly onMore: () => void;
}

/** Failed orders by reason and target, with what can be done about them. */
export function FailuresPart({ desk, pipeline, words, failures, shown, onMore }: Given): VNode {
  const groups = failures.value?.groups ?? [];
  const orders = sum(groups.map((group) => group.orders));
  const records = sum(groups.map((group) => group.records));
  return (
    <section aria-labelledby="failures">
      <div class="section-head">
        <h2 id="failures" tabIndex={-1}>
          Failures
          {orders > 0 && (
            <span class="quiet"> {formatNumberOf(orders, { one: 'work order', many: 'work orders' })}</span>
          )}
        </h2>
        {desk.page.isOperator && groups.length > 1 && (
          <button
            type="button"
            onClick={() => {
              askRetry(desk, words, { pipeline, all: true }, { orders, records, which: 'that failed' });
            }}
          >
            Retry all
          </button>
        )}
      </div>
      <StateOfLoading desk={desk} of={failures} what="Failures" />
      {failures.value !== undefined && groups.length === 0 && <p class="empty">No work order has failed.</p>}
      <ul class={failures.isOutdated ? 'failures outdated' : 'failures'}>
        {groups.slice(0, shown).map((group) => (
          <Group key={group.id} desk={desk} pipeline={pipeline} words={words} group={group} />
        ))}
      </ul>
      {groups.length > shown && (
        <button type="button" onClick={onMore}>
          Show more: {formatCount(groups.length - shown)} further groups
        </button>
      )}
    </section>
  );
}

interface GroupGiven extends Pick<Given, 'desk' | 'pipeline' | 'words'> {
  readonly group: FailureGroupView;
}

function Group({ desk, pipeline, words, group }: GroupGiven): VNode {
  const title = `failure-${group.id}`;
  const { targets, sources } = group;
  return (
    <li aria-labelledby={title}>
      <div class="what">
        <h3 id={title}>
          <Badge tone="bad" text={group.code} /> <span class="quiet">at</span>{' '}
          <span class="names">{targets.join(', ')}</span>
        </h3>
        <p class="answer">{group.reason}</p>
        <p class="facts">
          <span>
            <HowLong since={group.since} now={desk.now} />
          </span>
          <span>{formatNumberOf(group.orders, { one: 'work order', many: 'work orders' })}</span>
          <span>{formatNumberOf(group.records, words.record)}</span>
          {group.retentionEndsAt !== null && (
            <span class={isNear(group.retentionEndsAt, desk.now) ? 'tone-warning' : ''}>
              retention ends <When at={group.retentionEndsAt} now={desk.now} />
            </span>
          )}
        </p>
        <p class="facts names">
          <span>{capitalized(group.sourceCount === 1 ? words.source.one : words.source.many)}:</span>
          {sources.map((source) => (
            <a key={source} href={sourceHref(desk.page, pipeline, source)}>
              {source}
            </a>
          ))}
          {group.sourceCount > sources.length && (
            <span>and {formatCount(group.sourceCount - sources.length)} more</span>
          )}
        </p>
      </div>
      {desk.page.isOperator && <Buttons desk={desk} pipeline={pipeline} words={words} group={group} />}
    </li>
  );
}

function Buttons({ desk, pipeline, words, group }: GroupGiven): VNode {
  const where = group.targets.join(', ');
  const subject = {
    orders: group.orders,
    records: group.records,
    which: `that failed with ${group.code}${where === '' ? '' : ` at ${where}`}`,
  };
  return (
    <div class="buttons">
      <button
        type="button"
        class="main"
        aria-label={`Retry: ${group.code} ${where}`}
        onClick={() => {
          askRetry(desk, words, { pipeline, group: group.id }, subject);
        }}
      >
        Retry
      </button>
      <button
        type="button"
        aria-label={`Skip: ${group.code} ${where}`}
        onClick={() => {
          askSkip(desk, words, { pipeline, group: group.id }, subject);
        }}
      >
        Skip …
      </button>
    </div>
  );
}

const NEAR_MS = 24 * 3600 * 1000;

function isNear(at: string, now: number): boolean {
  return Date.parse(at) - now < NEAR_MS;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
