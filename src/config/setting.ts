import { z } from 'zod';

/** What one setting is: everything that flags, variables, YAML, validation and the docs are derived from. */
export interface Setting<Type extends z.ZodType = z.ZodType> {
  /** Validates and converts the text or YAML value. Its `.describe()` text says what is allowed. */
  readonly schema: Type;
  /** The default, as a user would write it; validated like any other value. */
  readonly default: string | number | boolean;
  /** Unit of the value (`s`, `ms`, `records`, `bytes`, …); empty when it has none. */
  readonly unit: string;
  /** One sentence for `--help` and the docs. */
  readonly help: string;
  /** Secrets are never printed or logged. */
  readonly secret: boolean;
  /** Set where the environment variable does not follow the rule (the S3 settings). */
  readonly env?: string;
  /** Environment variables of other programs that are understood too, read after the setting's own. */
  readonly aliases?: readonly string[];
}

interface Details {
  readonly unit?: string;
  readonly secret?: boolean;
  readonly env?: string;
  readonly aliases?: readonly string[];
}

/** Declares one row of the settings table. */
export function setting<Type extends z.ZodType>(
  schema: Type,
  defaultValue: string | number | boolean,
  help: string,
  details: Details = {},
): Setting<Type> {
  const { unit = '', secret = false, env, aliases } = details;
  return {
    ...{ schema, default: defaultValue, help, unit, secret },
    ...(env === undefined ? {} : { env }),
    ...(aliases === undefined ? {} : { aliases }),
  };
}

/** Any text, the empty one too. */
export function text(): z.ZodType<string> {
  return z.string('expected text').describe('text');
}

/** Text that matches a pattern; `allowed` says which in words. */
export function textLike(pattern: RegExp, allowed: string): z.ZodType<string> {
  return text()
    .refine((value) => pattern.test(value), { error: allowed })
    .describe(allowed);
}

/** A number within bounds, written as a number or as its decimal text. */
function numberWithin(minimum: number, maximum: number, whole: boolean): z.ZodType<number> {
  const kind = whole ? 'a whole number' : 'a number';
  const allowed =
    maximum === Number.MAX_SAFE_INTEGER
      ? `${kind} of at least ${String(minimum)}`
      : `${kind} from ${String(minimum)} to ${String(maximum)}`;
  return z
    .preprocess(numberFromText, z.number(allowed))
    .refine((value) => (!whole || Number.isSafeInteger(value)) && value >= minimum && value <= maximum, {
      error: allowed,
    })
    .describe(allowed);
}

function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
}

/** A whole number from `minimum` to `maximum`, both included. */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  return numberWithin(minimum, maximum, true);
}

/** A number, whole or not, from `minimum` to `maximum`, both included. */
export function decimal(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  return numberWithin(minimum, maximum, false);
}

/** Units of a duration as Go writes it, in seconds. */
const GO_UNITS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  ns: 1e-9,
};

/** A duration in seconds, written as a number, or as Go writes it: `2m`, `1h30m`, `500ms`. */
export function seconds(minimum: number, maximum: number): z.ZodType<number> {
  const allowed = `a number from ${String(minimum)} to ${String(maximum)}, or a duration such as 90s, 10m, 1h30m`;
  return z
    .preprocess((value) => numberFromText(secondsFromGo(value)), z.number(allowed))
    .refine((value) => value >= minimum && value <= maximum, { error: allowed })
    .describe(allowed);
}

function secondsFromGo(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+\s*$/.test(value)) return value;
  const parts = value.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (GO_UNITS[unit ?? ''] ?? 0), 0);
}

/** true or false. */
export function flag(): z.ZodType<boolean> {
  const allowed = 'true or false';
  const words: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? (words[value.trim().toLowerCase()] ?? value) : value),
      z.boolean(allowed),
    )
    .describe(allowed);
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodType<Words[number]> {
  const allowed = `one of ${words.join(', ')}`;
  return z.enum(words, allowed).describe(allowed);
}

/** A URL with one of the given protocols. */
export function url(protocols: readonly string[], optional = false): z.ZodType<string> {
  const allowed =
    `a URL that begins with ${protocols.map((name) => `${name}://`).join(' or ')}` +
    (optional ? ', or nothing' : '');
  return text()
    .refine((value) => (optional && value === '') || isUrl(value, protocols), { error: allowed })
    .describe(allowed);
}

/** One URL or several, comma-separated or as a YAML list; trailing slashes are dropped. */
export function urls(protocols: readonly string[]): z.ZodType<readonly string[]> {
  const allowed = `one URL or several, comma-separated, that begin with ${protocols.map((name) => `${name}://`).join(' or ')}`;
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',') : value),
      z.array(
        z.string(allowed).transform((part) => part.trim().replace(/\/+$/, '')),
        allowed,
      ),
    )
    .refine((list) => list.length > 0 && list.every((value) => isUrl(value, protocols)), { error: allowed })
    .describe(allowed);
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return hostname !== '' && protocols.includes(protocol.slice(0, -1));
}
