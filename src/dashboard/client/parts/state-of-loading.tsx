import type { Desk } from '../desk.js';
import { formatRelative } from '../format.js';
import type { Loaded } from '../resource.js';
import { h, type VNode } from '../vendor/preact.js';

interface Given {
  readonly desk: Desk;
  readonly of: Loaded<unknown>;
  /** What is read, for the sentence "… cannot be read". */
  readonly what: string;
}

/** Says that something is being read for the first time, or cannot be read, and how old then is what is shown. */
export function StateOfLoading({ desk, of, what }: Given): VNode | null {
  const { error, readAt, value } = of;
  // That stands at the top of the page already.
  if (error !== undefined && desk.isLoggedOut) return null;
  if (error !== undefined) {
    const age = readAt === undefined ? '' : ` These figures are from ${formatRelative(readAt, Date.now())}.`;
    return (
      <p class="trouble" role="alert">
        {what} cannot be read: {error}.{age}{' '}
        {desk.connection.state === 'lost' ? '' : 'It is tried again with the next news.'}
      </p>
    );
  }
  return value === undefined ? <p class="quiet">Reading …</p> : null;
}
