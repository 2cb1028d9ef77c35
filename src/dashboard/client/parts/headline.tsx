import type { Headline as HeadlineShape } from '../../api/shapes.js';
import type { Desk } from '../desk.js';
import { h, type VNode } from '../vendor/preact.js';
import { ToneIcon } from './tone.js';

const TONES = { good: 'All is well', busy: 'At work', warning: 'Attention', bad: 'Trouble' } as const;

let toldOf = '';
let told = '';

/**
 * What screen readers are told: the headline when its tone is another, and when there is other trouble; not each second
 * by which something is older.
 */
function toldAbout({ tone, text }: HeadlineShape): string {
  const isTrouble = tone === 'bad' || tone === 'warning';
  const about = isTrouble ? `${tone} ${text.replaceAll(/\d+ (s|min|h|d)\b/g, '')}` : tone;
  if (about !== toldOf) told = `${TONES[tone]}: ${text}`;
  toldOf = about;
  return told;
}

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
      <span class="unseen" role="status" key="spoken">
        {toldAbout(headline)}
      </span>
    </div>
  );
}
