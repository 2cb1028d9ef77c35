import { settingOf, type SettingName } from './settings.js';

/** Environment variable of a setting: LOG_COURIER_ and the name in capitals, or the row's own. */
export function variableOf(name: SettingName): string {
  return settingOf(name).env ?? `LOG_COURIER_${name.toUpperCase().replaceAll(/[.-]/g, '_')}`;
}

/** Command-line flag of a setting, with its dashes. */
export function flagOf(name: SettingName): string {
  return `--${name.replaceAll('.', '-')}`;
}
