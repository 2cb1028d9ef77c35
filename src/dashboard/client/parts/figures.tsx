import type { PipelineOverview } from '../../api/shapes.js';
import { formatCount, formatDuration, formatNumberOf } from '../format.js';
import { h, type ComponentChildren, type VNode } from '../vendor/preact.js';
import { When } from './time.js';

interface FigureGiven {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tone?: 'bad' | 'warning' | undefined;
}

function Figure({ name, value, note, tone }: FigureGiven): VNode {
  return (
    <div class={`figure ${tone === undefined ? '' : `tone-${tone}`}`}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note !== undefined && <span class="quiet">{note}</span>}
      </dd>
    </div>
  );
}

/** One pipeline in figures. */
export function Figures({ of, now }: { readonly of: PipelineOverview; readonly now: number }): VNode {
  const { words, orders, nearRetention: near } = of;
  if (of.readAt === null) return <p class="quiet">The figures are being read for the first time …</p>;
  return (
    <dl class="figures">
      <Figure
        name={`Waiting ${words.record.many}`}
        value={formatCount(of.waitingRecords)}
        note={of.oldestAgeSeconds === null ? 'none waits' : `oldest ${formatDuration(of.oldestAgeSeconds)}`}
      />
      <Figure
        name={`Stuck ${words.source.many}`}
        value={formatCount(of.stuckSources)}
        note={`of ${formatCount(of.sources)}`}
        tone={of.stuckSources > 0 ? 'bad' : undefined}
      />
      <Figure
        name="Work orders failed"
        value={formatCount(orders.failed)}
        note={`${formatCount(orders.skipped)} skipped`}
        tone={orders.failed > 0 ? 'bad' : undefined}
      />
      <Figure
        name="Work orders open"
        value={formatCount(orders.open)}
        note={`${formatCount(orders.delivered)} delivered`}
      />
      <Figure
        name="Near the end of retention"
        value={formatCount(near.records)}
        note={
          near.firstEndsAt === null ? (
            `no ${words.record.one} is near`
          ) : (
            <span>
              {formatNumberOf(near.sources, words.source)}, the first <When at={near.firstEndsAt} now={now} />
            </span>
          )
        }
        tone={near.records > 0 ? 'warning' : undefined}
      />
      <Figure
        name="Last discovery"
        value={of.lastDiscoveryAt === null ? 'none lately' : <When at={of.lastDiscoveryAt} now={now} />}
        note={
          <span>
            figures read <When at={of.readAt} now={now} />
          </span>
        }
        tone={of.lastDiscoveryAt === null ? 'warning' : undefined}
      />
    </dl>
  );
}
