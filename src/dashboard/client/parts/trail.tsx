import type { Change } from '../../api/shapes.js';
import type { Desk } from '../desk.js';
import type { Loaded } from '../resource.js';
import { h, type VNode } from '../vendor/preact.js';
import { StateOfLoading } from './state-of-loading.js';
import { When } from './time.js';

interface Given {
  readonly desk: Desk;
  readonly changes: Loaded<readonly Change[]>;
}

/** Who changed what, the last first. */
export function Trail({ desk, changes }: Given): VNode {
  const { value = [] } = changes;
  return (
    <section aria-labelledby="trail">
      <h2 id="trail">Last changes</h2>
      <StateOfLoading desk={desk} of={changes} what="The last changes" />
      {changes.value?.length === 0 && <p class="empty">Nobody has changed anything yet.</p>}
      <ol class="trail">
        {value.map((change, index) => (
          <li key={`${change.at} ${change.by} ${String(index)}`}>
            <p>
              <strong>{change.by}</strong> · {change.action} · <span class="names">{change.about}</span>
            </p>
            <p class="quiet">
              <When at={change.at} now={desk.now} /> · {change.outcome}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
