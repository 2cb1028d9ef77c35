import { CONFIG_FILE_VARIABLE } from './load.js';
import { markdownTable } from './markdown-table.js';
import { flagOf, variableOf } from './setting-names.js';
import { settingNames, settingOf, type SettingName } from './settings.js';

/** A YAML file of settings, to show how one is written. It is a valid one. */
export const exampleFile = `clickhouse:
  url: # one URL or several
    - https://clickhouse-1.example.com:8443
    - https://clickhouse-2.example.com:8443
  username: courier
redis:
  url: rediss://redis.example.com:6379
s3:
  endpoint: https://s3.example.com
consumer:
  count-threshold: 5000
  time-threshold-seconds: 600
log-level: info # a setting without a section
`;

const INTRODUCTION = `# Settings

<!-- Written by \`npm run docs\` from the table in src/config/settings.ts; changes made here are lost. -->

A setting is read from the first of these that has it:

1. the command-line flag, which every command takes that uses settings;
2. the environment variable; some settings also take a variable by which other programs know them, which stands below it, and is read when the first is not set;
3. the YAML file that \`--config-file\` or \`${CONFIG_FILE_VARIABLE}\` names;
4. the default.

\`log-courier config\` prints the settings in force and where each came from. Wrong settings, and names in the file that do not exist, end the program with status 2 before it has done anything, with a message for each of them.

Values are written the same everywhere: durations as numbers in the unit that stands in the setting's name, true and false as words (a flag by itself means true). A variable that is set to nothing is a value too: the empty text.

## The YAML file

Names become paths: \`clickhouse.url\` is \`url\` below \`clickhouse\`. A name may also be written in one piece, as \`clickhouse.url: …\`.

\`\`\`yaml
${exampleFile}\`\`\`

## Secrets

Settings marked **secret** are never printed or logged, and neither are passwords in URLs. Other users of the machine can see the flags of a process: give secrets in variables, or in a file that only log-courier may read.
`;

/** The whole page docs/settings.md. */
export function settingsPage(): string {
  const sections = [...new Set(settingNames.map(sectionOf))].map((section) => {
    const names = settingNames.filter((name) => sectionOf(name) === section);
    return `## ${section}\n\n${settingsTableOf(names)}\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
}

/** The table of all settings for README.md: what each one is called, its default, and what it does. */
export function settingsSummary(): string {
  const rows = settingNames.map((name) => [`\`${name}\``, defaultOf(name), settingOf(name).help]);
  return markdownTable([['Setting', 'Default', 'What it does'], ...rows]);
}

/** Settings without a dot belong to the program as a whole. */
function sectionOf(name: SettingName): string {
  return name.includes('.') ? name.slice(0, name.indexOf('.')) : 'The program';
}

function settingsTableOf(names: readonly SettingName[]): string {
  const rows = names.map((name) => [
    [name, flagOf(name), variableOf(name), ...(settingOf(name).aliases ?? [])]
      .map((text) => `\`${text}\``)
      .join('<br>'),
    defaultOf(name),
    settingOf(name).schema.description ?? '',
    settingOf(name).secret ? `**Secret.** ${settingOf(name).help}` : settingOf(name).help,
  ]);
  return markdownTable([['Setting, flag, variable', 'Default', 'Allowed', 'What it does'], ...rows]);
}

function defaultOf(name: SettingName): string {
  const { default: value, unit } = settingOf(name);
  if (value === '') return 'none';
  return unit === '' ? `\`${String(value)}\`` : `\`${String(value)}\` ${unit}`;
}
