import type { Desk } from '../desk.js';
import { formatRelative, formatUtc } from '../format.js';
import { Fragment, h, type ComponentChildren, type VNode } from '../vendor/preact.js';
import { Confirm } from './confirm.js';
import { ToneIcon } from './tone.js';

/** What stands around the content of each page: what is wrong with the connection, questions, and how they ended. */
export function Frame({
  desk,
  children,
}: {
  readonly desk: Desk;
  readonly children: ComponentChildren;
}): VNode {
  const { question, outcome } = desk;
  return (
    <Fragment>
      <Lost desk={desk} />
      {children}
      <div class="outcome" role="status">
        {outcome !== undefined && (
          <p>
            <ToneIcon tone="good" />
            <span>{outcome}</span>
            <button
              type="button"
              onClick={() => {
                desk.dismiss();
              }}
            >
              Dismiss
            </button>
          </p>
        )}
      </div>
      {question !== undefined && (
        <Confirm
          key={question.title}
          question={question}
          onEnd={(how) => {
            desk.settle(how);
          }}
        />
      )}
    </Fragment>
  );
}

/** Tells of a lost connection, and of a program that is another than the one that made the page. */
function Lost({ desk }: { readonly desk: Desk }): VNode {
  const { connection, overview, page } = desk;
  const isLost = connection.state === 'lost';
  const isOld = !isLost && overview !== undefined && overview.version !== page.version;
  return (
    <div role="alert">
      {desk.isLoggedOut && (
        <p class="banner tone-bad">
          <ToneIcon tone="bad" />
          <span>
            <strong>You are logged out.</strong> <a href="">Log in again</a>.
          </span>
        </p>
      )}
      {isLost && !desk.isLoggedOut && (
        <p class="banner tone-bad">
          <ToneIcon tone="bad" />
          <span>
            <strong>The connection to the dashboard is lost</strong> since{' '}
            {formatUtc(desk.atServer(connection.since))}. It is tried again and again;{' '}
            {overview === undefined ? '' : `what you see is from ${formatUtc(overview.at)}.`}
          </span>
        </p>
      )}
      {isOld && (
        <p class="banner tone-warning">
          <ToneIcon tone="warning" />
          <span>
            log-courier is another version now ({overview.version}). <a href="">Load the page again</a>.
          </span>
        </p>
      )}
    </div>
  );
}

/** Whether the page is live, in a few words, for its head. */
export function LiveSign({ desk }: { readonly desk: Desk }): VNode {
  const { connection, overview } = desk;
  const words = { connecting: 'Connecting …', live: 'Live', lost: 'Not connected' }[connection.state];
  return (
    <span class={`live ${connection.state === 'live' ? 'on' : connection.state}`}>
      <span class="dot" aria-hidden="true" />
      {words}
      {overview !== undefined && (
        <span class="quiet" title={formatUtc(overview.at)}>
          {' '}
          · {formatRelative(Date.parse(overview.at), desk.now)}
        </span>
      )}
    </span>
  );
}
