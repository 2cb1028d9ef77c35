import type { Changed, Overview, Pause, PauseRequest, PipelineWords, Selection } from '../api/shapes.js';
import type { Desk } from './desk.js';
import { formatNumberOf } from './format.js';

/** What a change is about, for people. */
interface Subject {
  readonly orders: number;
  readonly records: number;
  /** What the orders have in common: "that failed with …". */
  readonly which: string;
}

/** Headings of what such orders are listed below, on the one page and on the other. */
const LISTS = ['failures', 'orders'];

const ORDERS = { one: 'work order', many: 'work orders' };

/** Asks whether to try failed orders again. */
export function askRetry(desk: Desk, words: PipelineWords, selection: Selection, subject: Subject): void {
  desk.ask({
    title: `Retry ${formatNumberOf(subject.orders, ORDERS)}?`,
    text: `${formatNumberOf(subject.orders, ORDERS)} ${subject.which}, with ${formatNumberOf(subject.records, words.record)}, will be delivered again. Nothing arrives twice. If the cause is still there, they fail again.`,
    verb: 'Retry',
    isGrave: false,
    asksReason: false,
    returnTo: LISTS,
    act: async () => {
      const { message } = await desk.api.change<Changed>('retry', selection, ['message']);
      return message;
    },
  });
}

/** Asks whether to give failed orders up, and why. */
export function askSkip(desk: Desk, words: PipelineWords, selection: Selection, subject: Subject): void {
  desk.ask({
    title: `Skip ${formatNumberOf(subject.orders, ORDERS)}?`,
    text: `${formatNumberOf(subject.records, words.record)} of ${formatNumberOf(subject.orders, ORDERS)} ${subject.which} will never be delivered. This cannot be undone. Your name and reason stay in the order book.`,
    verb: 'Skip for good',
    isGrave: true,
    asksReason: true,
    returnTo: LISTS,
    act: async (reason) => {
      const { message } = await desk.api.change<Changed>('skip', { ...selection, reason }, ['message']);
      return message;
    },
  });
}

/** What goes on and what does not while something is paused. */
export const PAUSED: Readonly<Record<Pause['what'], string>> = {
  discovery: 'No new work orders are made; those that are there are delivered.',
  delivery: 'Work orders are made and wait; nothing is delivered.',
};

/** Asks whether to hold something up. */
export function askPause(desk: Desk, request: PauseRequest, ofWhat: string): void {
  desk.ask({
    title: `Pause ${request.what}?`,
    text: `${ofWhat}: ${PAUSED[request.what]} What is under way comes to its end. It stays so until somebody resumes it.`,
    verb: `Pause ${request.what}`,
    isGrave: false,
    asksReason: false,
    returnTo: ['content'],
    act: async () => {
      await desk.api.change<Pick<Overview, 'pauses'>>('pause', request, []);
      return `${ofWhat}: ${request.what} is paused.`;
    },
  });
}

/** Asks whether to let something go on. */
export function askResume(desk: Desk, pause: Pause, ofWhat: string): void {
  const request: PauseRequest = { what: pause.what, pipeline: pause.pipeline ?? undefined };
  desk.ask({
    title: `Resume ${pause.what}?`,
    text: `${ofWhat}: ${pause.what} goes on at once. ${pause.by} paused it; make sure that the cause is gone.`,
    verb: `Resume ${pause.what}`,
    isGrave: false,
    asksReason: false,
    returnTo: ['content'],
    act: async () => {
      await desk.api.change<Pick<Overview, 'pauses'>>('resume', request, []);
      return `${ofWhat}: ${pause.what} goes on.`;
    },
  });
}
