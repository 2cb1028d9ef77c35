import type { Desk } from '../desk.js';
import { h, type VNode } from '../vendor/preact.js';
import { ToneIcon } from './tone.js';

const SPOKEN = { good: 'All is well', busy: 'At work', warning: 'Attention', bad: 'Trouble' } as const;

/** The state of everything in one sentence. */
export function Headline({ desk }: { readonly desk: Desk }): VNode {
  const headline = desk.overview?.headline;
  if (headline === undefined) {
    return (
      <div class="headline">
        <h1>Reading how things stand …</h1>
      </div>
    );
  }
  return (
    <div class={`headline tone-${headline.tone}`}>
      <ToneIcon tone={headline.tone} />
      <h1>{headline.text}</h1>
      {/* Told to screen readers when the tone changes, not with each second that passes. */}
      <span class="unseen" role="status" key="spoken">
        {SPOKEN[headline.tone]}
      </span>
    </div>
  );
}
