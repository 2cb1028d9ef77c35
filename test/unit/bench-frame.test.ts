import { describe, expect, test } from '@jest/globals';
import { CommanderError } from 'commander';
import { BENCHMARKS, isMet, scaled, type BenchmarkResult, type Headline } from '../../bench/benchmark.js';
import { chosen } from '../../bench/catalogue.js';
import { naiveLine, type NaiveRow } from '../../bench/contenders/naive-line.js';
import { cpuSecondsIn, peakBytesIn } from '../../bench/lab/process-cost.js';
import { optionsFrom } from '../../bench/options.js';
import { WrongFlagsError } from '../../scripts/program/program.js';
import { describeResult, formatNumber } from '../../bench/report/tables.js';
import { summarize } from '../../bench/statistics.js';
import { inTurns } from '../../bench/turns.js';

describe('the command line', () => {
  test('measures everything, five times, when nothing is said', () => {
    expect(optionsFrom([])).toMatchObject({ names: [...BENCHMARKS], rounds: 5, scale: 1, json: false });
  });

  test('takes several names', () => {
    expect(optionsFrom(['deliver', 'lag', '--json'])).toMatchObject({
      names: ['deliver', 'lag'],
      json: true,
    });
  });

  test.each([[['--rounds', '0']], [['--rounds', 'x']], [['--scale', '0']]])('refuses %p', (words) => {
    expect(() => optionsFrom(words)).toThrow(WrongFlagsError);
  });

  test('refuses a benchmark that there is not', () => {
    expect(() => optionsFrom(['speed'])).toThrow(CommanderError);
  });

  test('finds a benchmark for every name, and none twice', () => {
    expect(chosen(BENCHMARKS).flatMap(({ asked }) => asked)).toEqual([...BENCHMARKS]);
  });
});

describe('turns', () => {
  test('go A B C A B C', async () => {
    const ran: string[] = [];
    const contender = (name: string) => () => Promise.resolve(ran.push(name));
    const contenders = new Map(['A', 'B', 'C'].map((name) => [name, contender(name)]));
    const measured = await inTurns(2, contenders);
    expect(ran).toEqual(['A', 'B', 'C', 'A', 'B', 'C']);
    expect(measured.get('B')).toEqual([2, 5]);
  });
});

describe('amounts of data', () => {
  test.each([
    [1000, 1, 1, 1000],
    [1000, 0.01, 1, 10],
    [1000, 0.0001, 1, 1],
    [1000, 0.0001, 4, 4],
  ])('of %p at scale %p, at least %p, are %p', (amount, scale, least, expected) => {
    expect(scaled(amount, scale, least)).toBe(expected);
  });
});

describe('what the system tells of a process', () => {
  test('is its CPU time, also when its name holds spaces and parentheses', () => {
    const stat = '42 (a (odd) name) S 1 42 42 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 11 0 1 2 3';
    expect(cpuSecondsIn(stat)).toBe(2);
  });

  test('is its peak of memory', () => {
    expect(peakBytesIn('Name:\tnode\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\n')).toBe(524_288);
    expect(() => peakBytesIn('Name:\tnode\n')).toThrow(RangeError);
  });
});

describe('a goal', () => {
  const headline = (value: number, goal?: Headline['goal']): Headline => ({
    what: 'x',
    value,
    unit: '',
    ...(goal === undefined ? {} : { goal }),
  });

  test.each([
    [headline(0.8, { atLeast: 0.8 }), true],
    [headline(0.7, { atLeast: 0.8 }), false],
    [headline(2.5, { atMost: 2.5 }), true],
    [headline(2.6, { atMost: 2.5 }), false],
    [headline(1), undefined],
  ])('%p: %p', (one, expected) => {
    expect(isMet(one)).toBe(expected);
  });
});

describe('the report for people', () => {
  const result: BenchmarkResult = {
    benchmark: 'deliver',
    method: 'Something is done.',
    rounds: 2,
    scale: 1,
    settings: { 'consumer.num-workers': 4 },
    data: { records: 2_000_000 },
    headlines: [{ what: 'a to b', value: 0.5, unit: '', range: [0.4, 0.6], goal: { atLeast: 0.8 } }],
    figures: [{ of: 'a', what: 'rate', unit: 'records/s', summary: summarize([100_000, 300_000]) }],
  };

  test('has the headline with its goal, the settings, and the figures', () => {
    const text = describeResult(result);
    expect(text).toContain('→ a to b: 0.5 (rounds: 0.4 to 0.6); at least 0.8 is wanted: NOT met');
    expect(text).toContain('consumer.num-workers 4');
    expect(text).toContain('200,000');
  });

  test.each([
    [1234.5, '1,235'],
    [12.34, '12.3'],
    [1.234, '1.23'],
  ])('writes %p as %p', (value, expected) => {
    expect(formatNumber(value)).toBe(expected);
  });
});

test('the naive contender escapes as log-courier does', () => {
  const nothing = {
    bucketOwner: null,
    clientIP: null,
    requester: null,
    operation: null,
    httpCode: null,
    errorCode: null,
    bytesSent: null,
    objectSize: null,
    totalTime: null,
    turnAroundTime: null,
    versionId: null,
    signatureVersion: null,
    cipherSuite: null,
    authenticationType: null,
    hostHeader: null,
    tlsVersion: null,
    aclRequired: null,
  };
  const row: NaiveRow = {
    ...nothing,
    bucketName: 'b',
    startTime: '2026-02-03 04:05:06.789',
    req_id: 'R',
    objectKey: "a b/ü'",
    requestURI: 'GET /"x" HTTP/1.1',
    referer: 'http://a b\\',
    userAgent: '',
    httpCode: 200,
    bytesSent: '18446744073709551615',
  };
  expect(naiveLine(row)).toBe(
    '- b [03/Feb/2026:04:05:06 +0000] - - R - a%20b/%C3%BC%27 "GET /%22x%22 HTTP/1.1" 200 - ' +
      '18446744073709551615 - - - "http://a%20b%5C" "-" - - - - - - - - -\n',
  );
});
