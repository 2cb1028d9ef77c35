import type { ObjectView, OrderView, PipelineWords } from '../../api/shapes.js';
import type { Desk } from '../desk.js';
import { capitalized, formatBytes, formatCount, formatNumberOf, formatUtc } from '../format.js';
import { h, type VNode } from '../vendor/preact.js';
import { When } from './time.js';
import { Badge } from './tone.js';

interface Given {
  readonly desk: Desk;
  readonly words: PipelineWords;
  readonly order: OrderView;
  readonly onRetry: () => void;
  readonly onSkip: () => void;
  readonly onLines: (object: ObjectView) => void;
}

const WORDS = { open: 'Open', failed: 'Failed', skipped: 'Skipped', delivered: 'Delivered' } as const;
const TONES = { open: 'busy', failed: 'bad', skipped: 'warning', delivered: 'good' } as const;

/** One work order in the timeline of its source. */
export function Order(given: Given): VNode {
  const { desk, words, order } = given;
  const { base, isOperator } = desk.page;
  return (
    <li>
      <div class="order-head">
        <Badge tone={TONES[order.state]} text={WORDS[order.state]} />
        <span>
          <When at={order.updatedAt} now={desk.now} />
        </span>
        <span>{formatNumberOf(order.records, words.record)}</span>
        <span class="quiet">
          ordered <When at={order.orderedAt} now={desk.now} />, oldest {words.record.one} of{' '}
          {formatUtc(order.oldestAt)}
        </span>
        <a href={base + order.jobPath.replace(/^\//, '')}>
          Job <span class="names">{order.id}</span>
        </a>
        {isOperator && order.state === 'failed' && (
          <span class="buttons">
            <button type="button" class="main" aria-label={`Retry order ${order.id}`} onClick={given.onRetry}>
              Retry
            </button>
            <button type="button" aria-label={`Skip order ${order.id}`} onClick={given.onSkip}>
              Skip …
            </button>
          </span>
        )}
      </div>
      {order.failure !== null && (
        <p class="answer">
          <strong>{order.failure.code}</strong>: {order.failure.reason}
        </p>
      )}
      {order.skip !== null && (
        <p class="answer">
          Given up by <strong>{order.skip.by}</strong> <When at={order.skip.at} now={desk.now} />, with{' '}
          {formatNumberOf(order.skip.records, words.record)}: {order.skip.reason}
        </p>
      )}
      {order.objects.length > 0 && <Objects {...given} />}
    </li>
  );
}

function Objects({ desk, words, order, onLines }: Given): VNode {
  return (
    <table
      role="table"
      class="cards objects"
      aria-label={`${capitalized(words.object.many)} of order ${order.id}`}
    >
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            {capitalized(words.object.one)}
          </th>
          <th role="columnheader" scope="col" class="number">
            {capitalized(words.record.many)}
          </th>
          <th role="columnheader" scope="col" class="number">
            Size
          </th>
          <th role="columnheader" scope="col">
            SHA-256
          </th>
          {desk.page.isOperator && (
            <th role="columnheader" scope="col">
              <span class="unseen">Content</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {order.objects.map((object) => (
          <tr key={object.index} role="row">
            <th role="rowheader" scope="row" class="names" data-label={capitalized(words.object.one)}>
              <span class="quiet">{object.place} / </span>
              {object.key}
            </th>
            <td role="cell" class="number" data-label={capitalized(words.record.many)}>
              {formatCount(object.records)}
            </td>
            <td role="cell" class="number" data-label="Size" title={`${formatCount(object.bytes)} bytes`}>
              {formatBytes(object.bytes)}
            </td>
            <td role="cell" class="names digest" data-label="SHA-256">
              {object.sha256}
            </td>
            {desk.page.isOperator && (
              <td role="cell" class="plain" data-label="Content">
                <button
                  type="button"
                  aria-label={`First lines of ${object.key}`}
                  onClick={() => {
                    onLines(object);
                  }}
                >
                  First lines
                </button>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
