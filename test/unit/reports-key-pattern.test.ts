import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  encodePart,
  InvalidKeyPatternError,
  KeyPattern,
  type NameParts,
} from '../../src/pipelines/reports/archive/key-pattern.js';
import { checkFileName } from '../../src/destinations/file-store.js';
import { settingsTable } from '../../src/config/settings.js';

const parts: NameParts = {
  time: '2006-01-02T15:04:05.000Z',
  rank: 0,
  id: '0123456789abcdef',
  receivedMs: Date.parse('2006-01-02T23:59:59.999Z'),
  agent: 'web/17',
  type: '',
};
const ALL = '{yyyy}/{mm}/{dd}/{hh}/{agent}/{type}/{name}-{id}-{time}.jsonl.zst';
const byDay = new KeyPattern('{yyyy}/{mm}/{dd}/{agent}/reports-{time}.jsonl.zst', '');

describe('the names of files', () => {
  test('are by default those that the existing collector gives', () => {
    const pattern = new KeyPattern('reports-{time}.jsonl.zst', '');
    expect(settingsTable['reports.key-pattern'].default).toBe('reports-{time}.jsonl.zst');
    expect(pattern.nameOf(parts)).toBe('reports-2006-01-02T15-04-05.000Z.jsonl.zst');
    expect(pattern.splits).toBe(false);
  });

  test('have a number behind the time where an earlier input has the same time', () => {
    const pattern = new KeyPattern('reports-{time}.jsonl.zst', '');
    const names = [0, 1, 2].map((rank) => pattern.nameOf({ ...parts, rank }));
    expect(names).toEqual([
      'reports-2006-01-02T15-04-05.000Z.jsonl.zst',
      'reports-2006-01-02T15-04-05.000Z-2.jsonl.zst',
      'reports-2006-01-02T15-04-05.000Z-3.jsonl.zst',
    ]);
    expect(names.map((name) => pattern.read(name)?.timeMs)).toEqual(Array(3).fill(Date.parse(parts.time)));
  });

  test('have the date of the report, the agent and the type where the pattern wants them', () => {
    expect(new KeyPattern(ALL, 'east').nameOf(parts)).toBe(
      '2006/01/02/23/web%2F17/_none/east-0123456789abcdef-2006-01-02T15-04-05.000Z.jsonl.zst',
    );
  });

  test('tell what they were made of, whatever agents and types are called', () => {
    const pattern = new KeyPattern(ALL, 'east');
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('', '.', '..', '_none', 'a.b'),
    );
    fc.assert(
      fc.property(word, word, (agent, type) => {
        const name = pattern.nameOf({ ...parts, agent, type });
        expect(() => {
          checkFileName(name);
        }).not.toThrow();
        expect(pattern.read(name)).toEqual({
          timeMs: Date.parse(parts.time),
          from: Date.parse('2006-01-02T23:00:00Z'),
          to: Date.parse('2006-01-03T00:00:00Z'),
          agent: encodePart(agent),
          type: encodePart(type),
        });
      }),
    );
  });

  test('are different for different agents', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(encodePart(a) === encodePart(b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
      }),
    );
  });

  test.each([
    'reports.jsonl.zst',
    'r-{time}.jsonl',
    '{tiem}-{id}.jsonl.zst',
    '{time.jsonl.zst',
    '/{time}.jsonl.zst',
    '../{time}.jsonl.zst',
    'a//{time}.jsonl.zst',
  ])('cannot follow from %j', (pattern) => {
    expect(() => new KeyPattern(pattern, '')).toThrow(InvalidKeyPatternError);
  });
});

describe('looking for files', () => {
  const wanted = { fromMs: undefined, toMs: undefined, agent: undefined, type: undefined };

  test('lists the days of the time that is asked for, and no others', () => {
    const days = {
      fromMs: Date.parse('2024-02-28T23:00:00Z'),
      toMs: Date.parse('2024-03-01T00:00:00Z'),
    };
    expect(byDay.prefixes({ ...wanted, ...days })).toEqual(['2024/02/28/', '2024/02/29/', '2024/03/01/']);
    expect(byDay.prefixes({ ...wanted, ...days, agent: 'a b' })).toEqual([
      '2024/02/28/a%20b/reports-',
      '2024/02/29/a%20b/reports-',
      '2024/03/01/a%20b/reports-',
    ]);
    expect(byDay.prefixes(wanted)).toEqual(['']);
  });

  test('finds a file under one of the prefixes whenever its report is within the time', () => {
    const at = fc.integer({ min: 0, max: 4e12 });
    fc.assert(
      fc.property(at, fc.nat(40 * 86_400_000), fc.nat(40 * 86_400_000), (fromMs, before, length) => {
        const receivedMs = fromMs + Math.min(before, length);
        const name = byDay.nameOf({ ...parts, receivedMs });
        const prefixes = byDay.prefixes({ ...wanted, fromMs, toMs: fromMs + length });
        expect(prefixes.filter((prefix) => name.startsWith(prefix))).toHaveLength(1);
      }),
    );
  });

  test('makes nothing of a file that is named otherwise', () => {
    expect(byDay.read('2024/02/28/reports.jsonl.zst')).toBeUndefined();
  });
});
