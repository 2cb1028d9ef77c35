import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createLog } from '../../src/observability/log.js';

const line = z.looseObject({ level: z.string(), time: z.iso.datetime(), msg: z.string() });

/** What one event makes of itself. */
function logged(about: object): z.infer<typeof line> {
  const lines: string[] = [];
  createLog('info', { write: (text: string) => lines.push(text) }).warn(about, 'an event');
  expect(lines).toHaveLength(1);
  return line.parse(JSON.parse(lines[0] ?? ''));
}

describe('a line of the log', () => {
  test('is one JSON object with level, time and message', () => {
    expect(logged({ order: 'a1' })).toMatchObject({ level: 'warn', order: 'a1', msg: 'an event' });
  });

  test('tells an error by its kind, message, causes, code and stack, and nothing that a library hung on it', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const err = Object.assign(new TypeError('no answer', { cause }), { code: 'AWAY', request: { big: 'x' } });
    expect(logged({ err })['err']).toEqual({
      type: 'TypeError',
      message: 'no answer: refused',
      code: 'AWAY',
      stack: expect.stringContaining('caused by: Error: refused'),
    });
  });

  test('has what was thrown when that is no error', () => {
    expect(logged({ err: 'just text' })['err']).toBe('just text');
  });

  test('never shows a password', () => {
    expect(logged({ settings: { password: 'hunter2' } })).toMatchObject({
      settings: { password: '(hidden)' },
    });
  });
});
