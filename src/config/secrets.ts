import { percentDecoded } from './percent-decoded.js';
import { settingNames, settingOf, type SettingName, type Settings } from './settings.js';

const HIDDEN = '(hidden)';

/** A value as it may be shown: secrets are hidden, and so are passwords inside URLs. */
export function shownValue(name: SettingName, value: unknown): string {
  if (settingOf(name).secret) return value === '' ? '' : HIDDEN;
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return parts.map((part) => withoutPassword(String(part))).join(',');
}

/**
 * Takes every secret of the settings out of a text that others may read, such as an error message that came
 * from a library. Passwords in any URL go too, whether the settings know them or not.
 */
export function hideSecrets(message: string, settings: Settings): string {
  const known = secretsOf(settings).reduce((text, secret) => text.replaceAll(secret, HIDDEN), message);
  return known.replaceAll(/(\w:\/\/[^\s/:@]*):[^\s@]*@/g, `$1:${HIDDEN}@`);
}

/** Hides what stands between the first colon after the scheme and the last @, also when the URL is malformed. */
function withoutPassword(value: string): string {
  return value.replace(/^((?:\w[\w+.-]*:\/\/)?[^\s:@]*):[^]*@/, `$1:${HIDDEN}@`);
}

/** Longest first, so that a secret that contains another one goes as a whole. */
function secretsOf(settings: Settings): readonly string[] {
  const whole = settingNames.filter((name) => settingOf(name).secret).map((name) => String(settings[name]));
  const inUrls = [
    settings['redis.url'],
    settings['s3.endpoint'],
    settings['notification.smtp-url'],
    settings['tables.dsn'],
    settings['tables.clickhouse-dsn'],
    ...settings['clickhouse.url'],
  ]
    .filter((value) => URL.canParse(value))
    .map((value) => new URL(value).password);
  return [...whole, ...inUrls, ...inUrls.map(percentDecoded)]
    .filter((secret) => secret !== '')
    .sort((one, other) => other.length - one.length);
}
