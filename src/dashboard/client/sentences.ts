import type { PipelineWords, SourceDetail } from '../api/shapes.js';
import { formatDuration, formatList, formatNumberOf } from './format.js';

/** How one source stands, in a sentence. */
export function stateSentence(words: PipelineWords, detail: SourceDetail): string {
  const { state, waitingRecords, oldestAgeSeconds, failureCodes } = detail;
  const waiting = `${formatNumberOf(waitingRecords, words.record)} ${waitingRecords === 1 ? 'waits' : 'wait'}`;
  const oldest = oldestAgeSeconds === null ? '' : `, the oldest for ${formatDuration(oldestAgeSeconds)}`;
  switch (state) {
    case 'stuck':
      return `Stuck${failureCodes.length > 0 ? ` with ${formatList(failureCodes)}` : ''}: ${waiting}${oldest}.`;
    case 'waiting':
      return `On its way: ${waiting}${oldest}.`;
    case 'delivered':
      return `All ${words.record.many} are delivered.`;
  }
}
