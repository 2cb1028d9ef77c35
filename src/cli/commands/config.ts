import Table from 'cli-table3';
import { describeOrigin, shownValue } from '../../config/load.js';
import { flagOf, variableOf } from '../../config/setting-names.js';
import { settingNames, settingOf } from '../../config/settings.js';
import { print, printJson, type Register } from '../context.js';
import { settingsOf, withSettings } from '../setting-flags.js';

/** `config`: the settings in force and where each came from. */
export const registerConfig: Register = (program, context) => {
  const command = program
    .command('config')
    .description('print the settings in force and where each came from')
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample: log-courier config --log-level debug\n\nSettings:\n${settingsHelp()}`)
    .action((options: { json?: boolean }) => {
      const { settings, origins } = settingsOf(command, context);
      const rows = settingNames.map((name) => {
        const origin = origins.get(name) ?? { kind: 'default' };
        return { name, value: shownValue(name, settings[name]), origin: describeOrigin(origin) };
      });
      if (options.json === true) {
        printJson(
          context.stdout,
          Object.fromEntries(rows.map(({ name, value, origin }) => [name, { value, origin }])),
        );
        return;
      }
      const table = new Table({ head: ['setting', 'value', 'from'], style: { head: [], border: [] } });
      for (const { name, value, origin } of rows) table.push([name, value, origin]);
      print(context.stdout, table.toString());
    });
  withSettings(command);
};

function settingsHelp(): string {
  return settingNames
    .map((name) => {
      const { help, default: standard, unit } = settingOf(name);
      const shown = standard === '' ? 'none' : `${String(standard)}${unit === '' ? '' : ` ${unit}`}`;
      return `  ${flagOf(name)}  (${variableOf(name)})\n      ${help} Default: ${shown}.`;
    })
    .join('\n');
}
