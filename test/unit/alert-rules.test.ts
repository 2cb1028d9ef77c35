import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { buildProgram } from '../../src/cli/program.js';
import { isSettingName } from '../../src/config/settings.js';
import { alertRules, expectationsOf } from '../support/alert-rules.js';
import { wrongNamesIn } from '../support/promql.js';

const runbook = readFileSync('docs/runbook.md', 'utf8');
const nowhere = { isTTY: false, write: () => true };
const CONTEXT = {
  stdout: nowhere,
  stderr: nowhere,
  environment: {},
  stop: new AbortController().signal,
  exitCode: 0,
};
/** Sections of the runbook on alerts, by their headings. */
const sections = new Map(
  runbook
    .split(/^#{2,3} /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section])
    .filter(([heading]) => heading?.startsWith('LogCourier'))
    .map(([heading = '', section = '']) => [heading, section]),
);

describe('the alert rules', () => {
  test.each(alertRules)('$alert asks for metrics and labels that there are', ({ expr }) => {
    expect(wrongNamesIn(expr)).toEqual([]);
  });

  test.each(alertRules)(
    '$alert has its section in the runbook: what it means, how to see it, what to do',
    (rule) => {
      expect(rule.annotations.runbook_url).toBe(`docs/runbook.md#${rule.alert.toLowerCase()}`);
      const section = sections.get(rule.alert);
      for (const part of ['**Means.**', '**See.**', '**Do.**']) expect(section).toContain(part);
    },
  );

  test.each(alertRules)('$alert fires and clears again in a rule test', ({ alert }) => {
    const turns = expectationsOf(alert).map((expected) =>
      expected.map((fires) => (fires ? '!' : '.')).join(''),
    );
    expect(turns.some((turn) => turn.includes('!.'))).toBe(true);
    expect(turns.some((turn) => turn.includes('.!') || turn.startsWith('!'))).toBe(true);
  });

  test('are all that the runbook has sections for', () => {
    expect([...sections.keys()].sort()).toEqual(alertRules.map(({ alert }) => alert).sort());
  });
});

describe('names in expressions', () => {
  test.each([
    ['log_courier_nothing > 0', ['metric log_courier_nothing']],
    ['log_courier_engine_up{motor="s3"} == 0', ['label motor of log_courier_engine_up']],
    ['sum by (bucket) (log_courier_orders)', ['label bucket']],
    ['log_courier_lag_seconds', ['metric log_courier_lag_seconds']],
    ['rate(log_courier_lag_seconds_bucket{le="30"}[5m])', []],
    ['1', ['no metric']],
  ])('of %s: %j are wrong', (expression, wrong) => {
    expect(wrongNamesIn(expression)).toEqual(wrong);
  });
});

describe.each(['docs/runbook.md', 'docs/notifications.md', 'docs/tracing.md'])('%s', (file) => {
  const page = readFileSync(file, 'utf8');

  test('names commands that there are', () => {
    const commands = buildProgram(CONTEXT).commands.map((command) => command.name());
    const named = [...page.matchAll(/`log-courier ([a-z-]+)/g)].map(([, command = '']) => command);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((command) => !commands.includes(command))).toEqual([]);
  });

  test('names settings that there are', () => {
    const sectionsOfSettings =
      'notification|telemetry|retention|queue|consumer|s3|retry|audit|metrics-server|manifest';
    const named = [...page.matchAll(new RegExp(`\`((?:${sectionsOfSettings})\\.[a-z-]+)\``, 'g'))].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !isSettingName(name))).toEqual([]);
  });

  test('leads to pages and sections that there are', () => {
    const broken = [...page.matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)].flatMap(([, path = '', anchor]) => {
      const text = path === '' ? page : readFileSync(new URL(path, `file://${process.cwd()}/docs/`), 'utf8');
      return anchor === undefined || anchorsOf(text).includes(anchor) ? [] : [`${path}#${anchor}`];
    });
    expect(broken).toEqual([]);
  });
});

/** Anchors of the headings, as they are made on code hosting sites. */
function anchorsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}
