import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DurationError, parseDuration } from '../../src/cli/duration.js';

describe('a duration on the command line', () => {
  test.each([
    ['0s', 0],
    ['90s', 90],
    ['15m', 900],
    ['1h', 3600],
    ['3d', 259_200],
    [' 5m ', 300],
  ])('%j is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each(['', '15', 'm', '1.5h', '-1s', '1 h', '1h30m', '1H', '1w', '1e3s', '99999999999999999d'])(
    '%j is refused with a message that says what is allowed',
    (text) => {
      expect(() => parseDuration(text)).toThrow(DurationError);
      expect(() => parseDuration(text)).toThrow(/give a whole number with s, m, h or d/);
    },
  );

  test('a whole number of minutes is sixty times as many seconds', () => {
    fc.assert(
      fc.property(fc.nat(), (minutes) => {
        expect(parseDuration(`${String(minutes)}m`)).toBe(minutes * 60);
      }),
    );
  });
});
