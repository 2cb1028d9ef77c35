import { Presets, SingleBar } from 'cli-progress';
import type { Output } from './context.js';

/** A progress bar, or nothing where nobody looks. */
export interface Progress {
  readonly update: (done: number) => void;
  readonly stop: () => void;
}

/**
 * Shows on standard error how far a long command is.
 *
 * @param stderr the command's standard error
 * @param total how much there is to do
 * @param what what is counted, e.g. `records`
 * @param label what is being done, in front of the bar
 */
export function startProgress(stderr: Output, total: number, what: string, label = ''): Progress {
  if (!stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const format = `${label}{bar} {percentage} % | {value} of {total} ${what} | {eta_formatted} left`;
  const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true }, Presets.shades_classic);
  bar.start(total, 0);
  return {
    update: (done) => {
      bar.update(done);
    },
    stop: () => {
      bar.stop();
    },
  };
}
