import { describe, expect, test } from '@jest/globals';
import { loadSettings } from '../../src/config/load.js';
import { messageOf } from '../../src/processors/notifications/message.js';
import type { Cause } from '../../src/processors/notifications/news.js';

const AT = '2026-03-01T12:00:00.000Z';
const WORDING = { pipeline: 'reports', source: { one: 'table', many: 'tables' } };

function settingsWith(flags: Readonly<Record<string, string>> = {}) {
  return loadSettings({ flags, environment: {} }).settings;
}

function cause(sources: number, code = 'NoSuchBucket'): Cause {
  return {
    code,
    reason: 'target bucket "gone": it is not there',
    sources: Array.from({ length: sources }, (_, number) => ({
      ...{ source: `t${String(number)}`, orders: 2, records: 1000, since: AT },
    })),
  };
}

const nothing = { stuck: [], still: [], recovered: [] };

describe('a message', () => {
  test('says in the words of the pipeline how many are stuck, why, since when and what to do', () => {
    const { kind, title, text, ...rest } = messageOf(
      settingsWith(),
      WORDING,
      { ...nothing, stuck: [cause(2)], recovered: [{ source: 'old', since: AT }] },
      AT,
    );
    expect(kind).toBe('stuck');
    expect(title).toBe('log-courier, reports: 2 tables stuck, 1 table recovered');
    expect(text.split('\n')).toEqual([
      title,
      `Stuck with NoSuchBucket (4 work orders, 2,000 records, since ${AT}): target bucket "gone": it is not there`,
      '  t0',
      '  t1',
      'Recovered: old',
      'When the cause is mended: retry on the dashboard, or log-courier retry --all',
    ]);
    expect(rest).not.toHaveProperty('url');
    expect(rest.recovered).toEqual([{ source: 'old', since: AT }]);
  });

  test('links to the page of each source below the public address of the dashboard', () => {
    const settings = settingsWith({
      'dashboard.public-url': 'https://logs.example.com/courier/',
      'dashboard.base-path': '/courier',
    });
    const odd: Cause = {
      ...cause(0),
      sources: [{ source: 'a b&c', orders: 1, records: 1, since: AT }],
    };
    const { url, stuck, text } = messageOf(settings, WORDING, { ...nothing, stuck: [odd] }, AT);
    expect(url).toBe('https://logs.example.com/courier/');
    const page = 'https://logs.example.com/courier/source?pipeline=reports&source=a+b%26c';
    expect(stuck[0]?.sources[0]?.url).toBe(page);
    expect(text).toContain(`  a b&c ${page}\n`);
    expect(text).toContain('(1 work order, 1 record, since');
  });

  test('stays short however many are stuck', () => {
    const causes = Array.from({ length: 60 }, (_, number) => cause(1000, `Code${String(number)}`));
    const message = messageOf(settingsWith(), WORDING, { ...nothing, stuck: causes }, AT);
    expect(message.title).toContain('60,000 tables stuck');
    expect(message.stuck).toHaveLength(50);
    expect(message.stuck[0]).toMatchObject({ sourceCount: 1000, orders: 2000, records: 1_000_000 });
    expect(message.stuck[0]?.sources).toHaveLength(50);
    expect(message.text).toContain('  and 990 more');
    expect(message.text).toContain('  and 50 more');
    expect(message.text.length).toBeLessThan(10_000);
  });

  test('says what is still stuck, and only that something recovered when nothing is', () => {
    const still = messageOf(settingsWith(), WORDING, { ...nothing, still: [cause(1)] }, AT);
    expect(still).toMatchObject({ kind: 'stuck', title: 'log-courier, reports: 1 table still stuck' });
    const recovered = [{ source: 'old', since: AT }];
    const good = messageOf(settingsWith(), WORDING, { ...nothing, recovered }, AT);
    expect(good).toMatchObject({ kind: 'recovered', text: `${good.title}\nRecovered: old` });
  });
});
