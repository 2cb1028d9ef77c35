import cliProgress from 'cli-progress';
import { print, type Output } from '../context.js';
import { formatCount } from '../format.js';

/** Something that goes on, shown to people as a bar and to files as one line at its end. */
export interface Progress {
  readonly update: (done: number) => void;
  readonly end: () => void;
}

/** Shows how much of `total` is done. */
export function showProgress(output: Output, what: string, total: number): Progress {
  if (!output.isTTY) {
    let last = 0;
    return {
      update: (done) => {
        last = done;
      },
      end: () => {
        print(output, `${what}: ${formatCount(last)} of ${formatCount(total)} records`);
      },
    };
  }
  const bar = new cliProgress.SingleBar({
    format: `${what.padEnd(12)} {bar} {percentage}% | {value} of {total} records | {duration_formatted}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
  });
  bar.start(total, 0);
  return {
    update: (done) => {
      bar.update(done);
    },
    end: () => {
      bar.stop();
    },
  };
}
