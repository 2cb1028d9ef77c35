import type { EngineHealth, Replica } from '../../api/shapes.js';
import { formatCount } from '../format.js';
import { h, type VNode } from '../vendor/preact.js';
import { HowLong, When } from './time.js';
import { Badge } from './tone.js';

/** Health of the engines. */
export function Engines({
  engines,
  now,
}: {
  readonly engines: readonly EngineHealth[];
  readonly now: number;
}): VNode {
  return (
    <section aria-labelledby="engines" class="engines">
      <h2 id="engines">Engines</h2>
      <ul>
        {engines.map(({ engine, ok, error, since }) => (
          <li key={engine}>
            <span class="names">{engine}</span>
            <Badge tone={ok ? 'good' : 'bad'} text={ok ? 'answers' : 'does not answer'} />
            <span class="quiet">
              <HowLong since={since} now={now} />
            </span>
            {error !== null && <span class="answer">{error}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Processes that were seen lately. */
export function Replicas({
  replicas,
  now,
}: {
  readonly replicas: readonly Replica[];
  readonly now: number;
}): VNode {
  return (
    <section aria-labelledby="replicas">
      <h2 id="replicas">
        Replicas <span class="quiet">{formatCount(replicas.length)}</span>
      </h2>
      {replicas.length === 0 && <p class="empty">No process was seen lately.</p>}
      {replicas.length > 0 && (
        <table role="table" class="cards">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader">Host</th>
              <th role="columnheader">Roles</th>
              <th role="columnheader">Version</th>
              <th role="columnheader" class="number">
                In flight
              </th>
              <th role="columnheader">Started</th>
              <th role="columnheader">Seen</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {replicas.map((replica) => (
              <tr key={replica.id} role="row">
                <th role="rowheader" scope="row" data-label="Host" class="names">
                  {replica.host} <span class="quiet">{replica.pid}</span>
                </th>
                <td role="cell" data-label="Roles">
                  {replica.roles.join(', ')}
                </td>
                <td role="cell" data-label="Version">
                  {replica.version}
                </td>
                <td role="cell" data-label="Orders in flight" class="number">
                  {formatCount(replica.ordersInFlight)}
                </td>
                <td role="cell" data-label="Started">
                  <When at={replica.startedAt} now={now} />
                </td>
                <td role="cell" data-label="Seen">
                  <When at={replica.seenAt} now={now} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
