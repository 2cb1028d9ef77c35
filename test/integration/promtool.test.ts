import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { RULES_DIRECTORY } from '../support/alert-rules.js';
import { expressionsIn } from '../support/grafana.js';

const run = promisify(execFile);

/** What promtool (of the package prometheus, see scripts/setup.sh) says; rejects when it is not content. */
async function promtool(...words: string[]): Promise<string> {
  const { stdout } = await run('promtool', words, { cwd: RULES_DIRECTORY });
  return stdout;
}

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-courier-promtool-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** A file of rules with some expressions. */
async function rulesOf(name: string, expressions: readonly string[]): Promise<string> {
  const rules = expressions.map((expr, position) => ({ record: `it:${String(position)}`, expr }));
  const file = join(directory, `${name}.yml`);
  await writeFile(file, stringify({ groups: [{ name, rules }] }));
  return file;
}

describe('Prometheus', () => {
  test('accepts the alert rules', async () => {
    expect(await promtool('check', 'rules', 'rules.yml')).toContain('SUCCESS');
  });

  test('has each alert fire and clear as its rule test says', async () => {
    expect(await promtool('test', 'rules', 'rules.test.yml')).toContain('SUCCESS');
  });

  test('accepts every expression of the Grafana dashboard', async () => {
    const expressions = expressionsIn(readFileSync('deploy/grafana/log-courier.json', 'utf8')).map(
      ({ expr }) => expr,
    );
    expect(await promtool('check', 'rules', await rulesOf('grafana', expressions))).toContain('SUCCESS');
  });

  test('would refuse an expression that is none', async () => {
    await expect(promtool('check', 'rules', await rulesOf('broken', ['sum by (']))).rejects.toThrow(
      'broken.yml',
    );
  });
});
