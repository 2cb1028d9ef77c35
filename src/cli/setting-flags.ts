import { Option, type Command } from 'commander';
import { loadSettings, type LoadedSettings } from '../config/load.js';
import { flagOf } from '../config/setting-names.js';
import { settingNames, settingOf, type SettingName } from '../config/settings.js';
import { createLog, type Log } from '../observability/log.js';
import type { CliContext } from './context.js';

const CONFIG_FILE_FLAG = '--config-file <path>';

/**
 * Gives a command a flag for every setting. They are left out of its help, which would be all settings otherwise:
 * `log-courier config` lists them.
 */
export function withSettings(command: Command): Command {
  command.option(CONFIG_FILE_FLAG, 'YAML file of settings (or LOG_COURIER_CONFIG_FILE)');
  for (const name of settingNames) {
    const isSwitch = typeof settingOf(name).default === 'boolean';
    const value = isSwitch ? '[value]' : '<value>';
    const option = new Option(`${flagOf(name)} ${value}`, settingOf(name).help).hideHelp();
    command.addOption(isSwitch ? option.preset('true') : option);
  }
  return command.addHelpText(
    'after',
    '\nEvery setting is a flag too, e.g. --clickhouse-url http://ch:8123; `log-courier config --help` lists them.',
  );
}

/**
 * Reads the settings of a command that {@link withSettings} was used on.
 *
 * @param more environment variables that go before those of the process
 * @throws {SettingsError} when a setting is wrong
 */
export function settingsOf(
  command: Command,
  context: CliContext,
  more: Readonly<Record<string, string>> = {},
): LoadedSettings {
  const flags: Record<string, string> = {};
  const given: Record<string, unknown> = command.opts();
  for (const name of settingNames) {
    const value = given[attributeOf(name)];
    if (typeof value === 'string') flags[name] = value;
  }
  const configFile = given['configFile'];
  return loadSettings({
    flags,
    environment: { ...context.environment, ...more },
    configFile: typeof configFile === 'string' ? configFile : undefined,
  });
}

/** The log of a command, at the level that the settings say. */
export function logOf({ settings }: LoadedSettings): Log {
  return createLog(settings['log-level']);
}

/** The name under which commander keeps a flag's value. */
function attributeOf(name: SettingName): string {
  return new Option(flagOf(name)).attributeName();
}
