import type { Pause } from '../../api/shapes.js';
import { askPause, askResume, PAUSED } from '../changes.js';
import type { Desk } from '../desk.js';
import { capitalized } from '../format.js';
import { Fragment, h, type VNode } from '../vendor/preact.js';
import { When } from './time.js';
import { ToneIcon } from './tone.js';

/** What is paused, by whom and since when, with buttons to let it go on. */
export function Pauses({ desk }: { readonly desk: Desk }): VNode {
  const pauses = desk.overview?.pauses ?? [];
  return (
    <Fragment>
      {pauses.map((pause) => (
        <p key={`${pause.what} ${pause.pipeline ?? ''}`} class="banner tone-warning">
          <ToneIcon tone="warning" />
          <span>
            <strong>
              {capitalized(pause.what)} is paused
              {pause.pipeline === null ? '' : ` for ${titleOf(desk, pause.pipeline)}`}
            </strong>{' '}
            by {pause.by}, <When at={pause.at} now={desk.now} />. {PAUSED[pause.what]}
          </span>
          {desk.page.isOperator && (
            <button
              type="button"
              onClick={() => {
                askResume(desk, pause, ofWhat(desk, pause.pipeline));
              }}
            >
              Resume {pause.what}
            </button>
          )}
        </p>
      ))}
    </Fragment>
  );
}

/** Buttons to pause what is not paused: of all pipelines, or of the one that is looked at where there are several. */
export function PauseButtons({
  desk,
  pipeline,
}: {
  readonly desk: Desk;
  readonly pipeline: string;
}): VNode | null {
  const { overview, page } = desk;
  if (!page.isOperator || overview === undefined) return null;
  const about = overview.pipelines.length > 1 ? pipeline : undefined;
  const isPaused = (what: Pause['what']): boolean =>
    overview.pauses.some(
      (pause) => pause.what === what && (pause.pipeline === null || pause.pipeline === pipeline),
    );
  return (
    <div class="buttons">
      {(['discovery', 'delivery'] as const)
        .filter((what) => !isPaused(what))
        .map((what) => (
          <button
            key={what}
            type="button"
            onClick={() => {
              askPause(desk, { what, pipeline: about }, ofWhat(desk, about ?? null));
            }}
          >
            Pause {what}
          </button>
        ))}
    </div>
  );
}

function ofWhat(desk: Desk, pipeline: string | null): string {
  return pipeline === null ? 'Everything' : titleOf(desk, pipeline);
}

function titleOf({ overview }: Desk, pipeline: string): string {
  return overview?.pipelines.find(({ name }) => name === pipeline)?.words.title ?? pipeline;
}
