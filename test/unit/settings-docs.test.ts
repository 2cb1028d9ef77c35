import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/config/load.js';
import { flagOf, variableOf } from '../../src/config/setting-names.js';
import { exampleFile, settingsPage, settingsSummary } from '../../src/config/settings-docs.js';
import { settingNames, settingOf } from '../../src/config/settings.js';

const page = settingsPage();

describe('docs/settings.md', () => {
  test('is what `npm run docs` writes', () => {
    expect(readFileSync('docs/settings.md', 'utf8')).toBe(page);
  });

  test.each(settingNames)('has one row for %s', (name) => {
    const names = `| ${[name, flagOf(name), variableOf(name), ...(settingOf(name).aliases ?? [])].map((text) => `\`${text}\``).join('<br>')} `;
    const rows = page.split('\n').filter((line) => line.startsWith(names));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toContain(settingOf(name).help);
    expect(rows[0]?.includes('**Secret.**')).toBe(settingOf(name).secret);
  });

  test('shows a YAML file that the program accepts', () => {
    const directory = mkdtempSync(join(tmpdir(), 'log-courier-docs-'));
    const configFile = join(directory, 'settings.yaml');
    writeFileSync(configFile, exampleFile);
    const { settings } = loadSettings({ flags: {}, environment: {}, configFile });
    expect(settings['clickhouse.url']).toHaveLength(2);
    expect(settings['consumer.count-threshold']).toBe(5000);
    rmSync(directory, { recursive: true });
  });
});

describe('README.md', () => {
  test('has the settings that `npm run docs` writes between its markers', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(
      `<!-- settings -->\n\n${settingsSummary()}\n\n<!-- /settings -->`,
    );
  });
});
