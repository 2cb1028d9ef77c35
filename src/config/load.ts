import { readConfigFile, type ConfigFile } from './file.js';
import { shownValue } from './secrets.js';
import { flagOf, variableOf } from './setting-names.js';
import { settingNames, settingOf, settingsTable, type SettingName, type Settings } from './settings.js';
import { checkTogether } from './together.js';

export { shownValue } from './secrets.js';

/** Where a value came from: the flag, the variable, the file with its path, or the table's default. */
export type Origin =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'default' };

/** The settings in force and the origin of each. */
export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: ReadonlyMap<SettingName, Origin>;
}

/** What settings are read from. */
export interface SettingSources {
  /** Flags given on the command line, by dotted setting name. */
  readonly flags: Readonly<Record<string, string>>;
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of the YAML file; LOG_COURIER_CONFIG_FILE is looked at when it is missing. */
  readonly configFile?: string | undefined;
}

/** Wrong settings. Each problem names the setting, its value, where it came from and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  /** @param problems one sentence each, for an operator to read */
  constructor(
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(problems.join('\n'), options);
  }
}

/** Environment variable that names the YAML file. */
export const CONFIG_FILE_VARIABLE = 'LOG_COURIER_CONFIG_FILE';

interface Candidate {
  readonly value: unknown;
  readonly origin: Origin;
}

/**
 * Reads every setting: flag, else variable (its own, else one of its aliases), else YAML file, else default.
 *
 * @throws {SettingsError} with every problem there is, not only the first
 */
export function loadSettings(sources: SettingSources): LoadedSettings {
  const file = readConfigFile(sources.configFile ?? sources.environment[CONFIG_FILE_VARIABLE] ?? '');
  const problems = [...file.problems];
  const values: Record<string, unknown> = {};
  const origins = new Map<SettingName, Origin>();
  for (const name of settingNames) {
    const { value, origin } = candidateFor(name, sources, file);
    origins.set(name, origin);
    const { schema } = settingOf(name);
    const parsed = schema.safeParse(value);
    if (parsed.success) values[name] = parsed.data;
    else
      problems.push(
        problemWith(name, value, origin, `is not allowed; give ${schema.description ?? 'another value'}`),
      );
  }
  if (problems.length > 0) throw new SettingsError(problems);
  if (!isComplete(values)) throw new TypeError('a setting is missing from the table');
  for (const { name, problem } of checkTogether(values))
    problems.push(problemWith(name, values[name], origins.get(name) ?? { kind: 'default' }, problem));
  if (problems.length > 0) throw new SettingsError(problems);
  return { settings: values, origins };
}

/** Says where a value came from, e.g. `variable LOG_COURIER_LOG_LEVEL`. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'default' ? 'default' : `${origin.kind} ${origin.name}`;
}

function isComplete(values: Record<string, unknown>): values is Record<string, unknown> & Settings {
  return settingNames.every((name) => Object.hasOwn(values, name));
}

function candidateFor(name: SettingName, sources: SettingSources, file: ConfigFile): Candidate {
  const given = sources.flags[name];
  if (given !== undefined) return { value: given, origin: { kind: 'flag', name: flagOf(name) } };
  const variable = variableOf(name);
  const fromEnvironment = sources.environment[variable];
  if (fromEnvironment !== undefined)
    return { value: fromEnvironment, origin: { kind: 'variable', name: variable } };
  for (const alias of settingOf(name).aliases ?? []) {
    const value = sources.environment[alias];
    if (value !== undefined) return { value, origin: { kind: 'variable', name: alias } };
  }
  if (file.values.has(name))
    return { value: file.values.get(name), origin: { kind: 'file', name: file.path } };
  return { value: settingsTable[name].default, origin: { kind: 'default' } };
}

function problemWith(name: SettingName, value: unknown, origin: Origin, problem: string): string {
  const shown = settingOf(name).secret ? 'its value' : JSON.stringify(shownValue(name, value));
  return `${name}: ${shown} (from ${describeOrigin(origin)}) ${problem}`;
}
