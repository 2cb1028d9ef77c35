import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { silentLog } from '../../src/observability/log.js';
import { Steps } from '../../src/processors/steps.js';

/** What the board was told of a job. */
interface Board {
  readonly lines: string[];
  readonly progress: unknown[];
}

function stepsOf(): { readonly steps: Steps; readonly board: Board } {
  const board: Board = { lines: [], progress: [] };
  const job = {
    id: '1',
    log: (text: string): Promise<number> => {
      board.lines.push(...text.split('\n').map((line) => line.slice(line.indexOf(' ') + 1)));
      return Promise.resolve(board.lines.length);
    },
    updateProgress: (progress: unknown): Promise<void> => {
      board.progress.push(progress);
      return Promise.resolve();
    },
  };
  return { steps: new Steps(job, silentLog()), board };
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('the board shows', () => {
  test('all steps of an order that ends at once, and nothing of how far it was', () => {
    const { steps, board } = stepsOf();
    steps.tell('planned', 0);
    steps.tell('committed', 100);
    steps.end();
    expect(board).toEqual({ lines: ['planned', 'committed'], progress: [] });
  });

  test('how far an order is that takes a while, and in the end that it is all done', () => {
    const { steps, board } = stepsOf();
    steps.tell('planned', 0);
    jest.advanceTimersByTime(1000);
    expect(board).toEqual({ lines: ['planned'], progress: [{ percent: 0, step: 'planned' }] });
    steps.tell('delivered', 50);
    steps.tell('committed', 100);
    steps.end();
    expect(board.lines).toEqual(['planned', 'delivered', 'committed']);
    expect(board.progress.at(-1)).toEqual({ percent: 100, step: 'committed' });
  });

  test('each step once', () => {
    const { steps, board } = stepsOf();
    steps.tell('planned', 0);
    jest.advanceTimersByTime(5000);
    steps.end();
    steps.end();
    expect(board.lines).toEqual(['planned']);
  });
});
