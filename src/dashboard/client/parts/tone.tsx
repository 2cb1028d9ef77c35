import type { Tone } from '../../api/shapes.js';
import { h, type VNode } from '../vendor/preact.js';

/** Outlines that differ by form, so that nobody depends on the colours. */
const SHAPES: Readonly<Record<Tone, readonly string[]>> = {
  good: ['M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Z', 'm5 8.2 2.2 2.2L11.2 6'],
  busy: ['M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Z', 'M4.8 8h6.2M8.4 5.2 11.2 8l-2.8 2.8'],
  warning: ['M8 1.8 15 14H1L8 1.8Z', 'M8 6.2v3.6M8 11.6v.6'],
  bad: ['M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2l3.7-3.7Z', 'm5.6 5.6 4.8 4.8m0-4.8-4.8 4.8'],
};

/** The sign of a tone; what it means stands beside it in words. */
export function ToneIcon({ tone }: { readonly tone: Tone }): VNode {
  return (
    <svg class={`icon tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {SHAPES[tone].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}

/** A state in a word, with its sign. */
export function Badge({ tone, text }: { readonly tone: Tone; readonly text: string }): VNode {
  return (
    <span class={`badge tone-${tone}`}>
      <ToneIcon tone={tone} />
      {text}
    </span>
  );
}
