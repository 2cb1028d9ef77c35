import { describe, expect, test } from '@jest/globals';
import type { Headline } from '../../src/dashboard/api/shapes.js';
import {
  headlineOf,
  type HeadlineFacts,
  type HeadlinePipeline,
} from '../../src/dashboard/overview/headline.js';
import { durationText, listText } from '../../src/dashboard/overview/words.js';

const NOW = Date.UTC(2026, 0, 2, 12);
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

const idle: HeadlinePipeline = {
  name: 'access-logs',
  words: {
    title: 'S3 access logs',
    goods: 'logs',
    record: { one: 'record', many: 'records' },
    source: { one: 'bucket', many: 'buckets' },
    target: { one: 'target bucket', many: 'target buckets' },
    object: { one: 'log object', many: 'log objects' },
  },
  waitingRecords: 0,
  oldestAgeSeconds: null,
  stuckSources: 0,
  failureCodes: [],
  nearRetention: { records: 0, sources: 0, firstEndsAt: null },
  readAt: ago(1),
  lastDiscoveryAt: ago(30),
};

const tables: HeadlinePipeline = {
  ...idle,
  name: 'tables',
  words: { ...idle.words, title: 'Tables', goods: 'rows', source: { one: 'table', many: 'tables' } },
};

const facts = (pipeline: Partial<HeadlinePipeline>, more: Partial<HeadlineFacts> = {}): HeadlineFacts => ({
  nowMs: NOW,
  engines: ['redis', 'clickhouse', 's3'].map((engine) => ({ engine, ok: true, since: ago(9999) })),
  pauses: [],
  pipelines: [{ ...idle, ...pipeline }],
  lateAfterSeconds: 1080,
  discoveryMissedAfterSeconds: 420,
  ...more,
});

const away = (...names: readonly string[]): Partial<HeadlineFacts> => ({
  engines: names.map((engine, position) => ({ engine, ok: false, since: ago(90 + position) })),
});
const stuck = { stuckSources: 3, failureCodes: ['NoSuchBucket'] };
const near = { nearRetention: { records: 1200, sources: 2, firstEndsAt: ago(-7200) } };
const pause = { what: 'delivery', pipeline: null, by: 'ann', at: ago(300) } as const;

const TABLE: readonly (readonly [
  what: string,
  given: HeadlineFacts,
  tone: Headline['tone'],
  text: string,
])[] = [
  ['nothing waits', facts({}), 'good', 'All logs delivered'],
  [
    'records wait for their time',
    facts({ waitingRecords: 7, oldestAgeSeconds: 42 }),
    'good',
    'All logs delivered; oldest waiting record 42 s',
  ],
  [
    'records are late',
    facts({ waitingRecords: 12_345, oldestAgeSeconds: 7500 }),
    'busy',
    '12,345 records wait; the oldest came in 2 h 5 min ago',
  ],
  ['sources are stuck', facts(stuck), 'bad', '3 buckets stuck: NoSuchBucket'],
  [
    'one is stuck for many reasons',
    facts({ stuckSources: 1, failureCodes: ['NoSuchBucket', 'AccessDenied', 'X', 'Y'] }),
    'bad',
    '1 bucket stuck: NoSuchBucket, AccessDenied and 2 more',
  ],
  [
    'records will be lost',
    facts(near),
    'bad',
    'The retention of 1,200 records of 2 buckets begins to end in 2 h, undelivered',
  ],
  [
    'records may be lost already',
    facts({ nearRetention: { records: 1, sources: 1, firstEndsAt: ago(5) } }),
    'bad',
    '1 record of 1 bucket may be lost: their retention has ended undelivered',
  ],
  [
    'sources are stuck and records will be lost',
    facts({ ...stuck, ...near }),
    'bad',
    '3 buckets stuck: NoSuchBucket',
  ],
  [
    'somebody has paused delivery',
    facts({}, { pauses: [pause] }),
    'warning',
    'Delivery paused by ann 5 min ago',
  ],
  [
    'somebody has paused both',
    facts({}, { pauses: [pause, { ...pause, what: 'discovery' }] }),
    'warning',
    'Discovery and delivery paused by ann 5 min ago',
  ],
  [
    'an engine is away',
    facts(stuck, away('clickhouse')),
    'bad',
    'ClickHouse has been away for 1 min 30 s; what needs it waits',
  ],
  [
    'two engines are away',
    facts({}, away('redis', 's3')),
    'bad',
    'Redis and S3 have been away for 1 min 31 s; what needs them waits',
  ],
  [
    'no discovery has run for long',
    facts({ lastDiscoveryAt: ago(3700) }),
    'warning',
    'No discovery has run for 1 h 1 min: see that a process with the discovery role runs',
  ],
  [
    'none has run',
    facts({ lastDiscoveryAt: null }),
    'warning',
    'No discovery has run lately: see that a process with the discovery role runs',
  ],
  [
    'nothing has been read yet',
    facts({ readAt: null, lastDiscoveryAt: null }),
    'busy',
    'The figures are being read',
  ],
  [
    'one of several pipelines is stuck',
    facts({}, { pipelines: [idle, { ...tables, stuckSources: 1, failureCodes: ['EACCES'] }] }),
    'bad',
    'Tables: 1 table stuck: EACCES',
  ],
  [
    'delivery of one of several pipelines is paused',
    facts({}, { pipelines: [idle, tables], pauses: [{ ...pause, pipeline: 'tables' }] }),
    'warning',
    'Delivery of Tables paused by ann 5 min ago',
  ],
  [
    'several pipelines are well',
    facts({}, { pipelines: [idle, { ...tables, waitingRecords: 1, oldestAgeSeconds: 61 }] }),
    'good',
    'All logs and rows delivered; oldest waiting record 1 min 1 s',
  ],
];

describe('the headline', () => {
  test.each(TABLE)('when %s', (_what, given, tone, text) => {
    expect(headlineOf(given)).toEqual({ tone, text });
  });
});

describe('texts of the headline', () => {
  test.each([
    [-5, '0 s'],
    [0.4, '0 s'],
    [59.6, '1 min'],
    [3599, '59 min 59 s'],
    [3600, '1 h'],
    [90_061, '1 d 1 h'],
    [86_400 * 1234, '1,234 d'],
  ])('say a duration of %s s as %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  test.each([
    [[], ''],
    [['a'], 'a'],
    [['a', 'b'], 'a and b'],
    [['a', 'b', 'c'], 'a, b and c'],
    [['a', 'b', 'c', 'd'], 'a, b, c and 1 more'],
  ])('list %j as %s', (names, text) => {
    expect(listText(names, 3)).toBe(text);
  });
});
