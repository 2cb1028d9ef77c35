import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  afterReply,
  ANSWERING,
  hasFailedSince,
  replyOf,
  type EngineCondition,
  type Reply,
} from '../../src/cli/engine-condition.js';

/** The conditions after each of some replies, which come at the times 1, 2, 3, … */
function conditions(replies: readonly Reply[]): readonly EngineCondition[] {
  let condition = ANSWERING;
  return replies.map((reply, index) => (condition = afterReply(condition, reply, index + 1)));
}

const reply = fc.constantFrom<Reply>('answer', 'silence', 'lost', 'refused');

describe('an engine', () => {
  test.each<[replies: Reply[], away: boolean[]]>([
    [
      ['answer', 'answer'],
      [false, false],
    ],
    [['silence'], [false]],
    [['lost'], [false]],
    [['refused'], [true]],
    [
      ['silence', 'silence'],
      [false, true],
    ],
    [
      ['lost', 'silence'],
      [false, true],
    ],
    [
      ['silence', 'answer', 'silence', 'answer'],
      [false, false, false, false],
    ],
    [
      ['refused', 'silence', 'lost', 'answer'],
      [true, true, true, false],
    ],
  ])('that gives %j is away: %j', (replies, away) => {
    expect(conditions(replies).map((condition) => condition.away)).toEqual(away);
  });

  test.each<[replies: Reply[], lost: boolean]>([
    [['silence', 'silence'], false],
    [['lost', 'silence'], true],
    [['silence', 'lost'], true],
    [['refused', 'silence'], true],
    [['refused', 'answer'], false],
    [['refused', 'answer', 'silence', 'silence'], false],
  ])('that gives %j is lost by the word of the network: %j', (replies, lost) => {
    const last = conditions(replies).at(-1);
    expect(last?.away === true && last.lost).toBe(lost);
  });

  test('is back after one answer, and away only after a refusal or two failures in a row', () => {
    fc.assert(
      fc.property(fc.array(reply, { minLength: 1 }), (replies) => {
        for (const [index, { away }] of conditions(replies).entries()) {
          const [before, now] = [replies[index - 1], replies[index]];
          if (now === 'answer') expect(away).toBe(false);
          else if (now === 'refused') expect(away).toBe(true);
          else if (before === undefined || before === 'answer') expect(away).toBe(false);
          else expect(away).toBe(true);
        }
      }),
    );
  });

  test('fails from the first failure on until it answers', () => {
    const [, first, second, third] = conditions(['answer', 'silence', 'silence', 'answer']);
    expect(first?.failingSince).toBe(2);
    expect(second?.failingSince).toBe(2);
    expect(third).toEqual({ ...ANSWERING, answeringSince: 4 });
  });

  test.each<[replies: Reply[], since: number, failed: boolean]>([
    [['answer'], 0, false],
    [['silence'], 0, true],
    [['silence'], 99, true],
    [['refused', 'answer'], 1.5, true],
    [['refused', 'answer'], 2.5, false],
    [['refused', 'answer', 'answer'], 2.5, false],
  ])('that gave %j has failed since %j: %j', (replies, since, failed) => {
    expect(hasFailedSince(conditions(replies).at(-1) ?? ANSWERING, since)).toBe(failed);
  });
});

describe('an error', () => {
  const withCode = (code: string): Error => Object.assign(new Error('no'), { code });

  test.each<[name: string, error: unknown, expected: Reply]>([
    ['a refused connection', withCode('ECONNREFUSED'), 'refused'],
    [
      'an error that was caused by one',
      new Error('ping', { cause: new Error('no answer', { cause: withCode('ECONNREFUSED') }) }),
      'refused',
    ],
    ['a connection that was reset', withCode('ECONNRESET'), 'lost'],
    ['a name that does not resolve', withCode('ENOTFOUND'), 'lost'],
    ['a silence', new Error('no answer within 5000 ms'), 'silence'],
    ['an answer with an error', withCode('NOAUTH'), 'silence'],
    ['something that is no error', 'no', 'silence'],
  ])('stands for its kind: %s', (_name, error, expected) => {
    expect(replyOf(error)).toBe(expected);
  });
});
