import { describe, expect, test } from '@jest/globals';
import type { ExpiringRecords } from '../../src/pipelines/retention.js';
import { adviceFor, retentionNews } from '../../src/processors/retention-news.js';

const NOW = '2026-05-04T12:00:00Z';

function expiring(source: string, more: Partial<ExpiringRecords> = {}): ExpiringRecords {
  const times = { oldestAt: '2026-05-01T20:00:00Z', deadline: '2026-05-04T20:00:00Z' };
  return { source, records: 10, ...times, state: 'failed', code: 'NoSuchBucket', ...more };
}

function told(lines: readonly ExpiringRecords[], warnedAt: Record<string, string>, complete = true): object {
  const { warn, left } = retentionNews({ at: NOW, expiring: lines, complete }, warnedAt);
  return { warn: warn.map(({ source }) => source), left };
}

describe('of a bucket with records near the end of their retention', () => {
  test.each<[string, Record<string, string>, string[]]>([
    ['is warned when it is new', {}, ['photos']],
    ['is warned when only others were', { music: NOW }, ['photos']],
    ['is not warned a second time', { photos: '2026-05-04T11:59:00Z' }, []],
    ['is not warned within an hour', { photos: '2026-05-04T11:00:01Z' }, []],
    ['is warned again after an hour', { photos: '2026-05-04T11:00:00Z' }, ['photos']],
  ])('%s', (_, warnedAt, warn) => {
    expect(told([expiring('photos'), expiring('music')], { music: NOW, ...warnedAt })).toEqual({
      warn,
      left: [],
    });
  });

  test('it is told once that it has none any more', () => {
    expect(told([], { photos: NOW })).toEqual({ warn: [], left: ['photos'] });
    expect(told([], {})).toEqual({ warn: [], left: [] });
  });

  test('nothing is said to be over while the report does not have all', () => {
    expect(told([expiring('music')], { photos: NOW }, false)).toEqual({ warn: ['music'], left: [] });
  });

  test('all that stands for different reasons is told at once, with the nearest deadline', () => {
    const later = { deadline: '2026-05-04T23:00:00Z', state: 'not ordered', code: '', records: 7 } as const;
    const { warn } = retentionNews(
      { at: NOW, expiring: [expiring('photos'), expiring('photos', later)], complete: true },
      {},
    );
    expect(warn).toEqual([
      {
        source: 'photos',
        records: 17,
        deadline: '2026-05-04T20:00:00Z',
        why: [
          { state: 'failed', code: 'NoSuchBucket', records: 10 },
          { state: 'not ordered', code: '', records: 7 },
        ],
      },
    ]);
  });
});

describe('the advice', () => {
  test.each([
    ['not ordered', '', 'discovery'],
    ['open', '', 'processors role'],
    ['failed', 'NoSuchBucket', 'NoSuchBucket'],
    ['failed', 'NoSuchBucket', 'retry --bucket photos'],
  ] as const)('for records that are %s (%s) names %s', (state, code, words) => {
    expect(adviceFor('photos', { state, code, records: 1 })).toContain(words);
  });
});
