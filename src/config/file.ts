import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { isSettingName, settingNames } from './settings.js';

/** What the YAML file says, with a sentence for each thing that is wrong in it. */
export interface ConfigFile {
  readonly path: string;
  /** Values by dotted setting name: texts, or lists of texts. Names without a value are left out. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly string[];
}

/** Reads the YAML file at a path; an empty path stands for no file. Problems are reported, never thrown. */
export function readConfigFile(path: string): ConfigFile {
  if (path === '') return { path, values: new Map(), problems: [] };
  const values = new Map<string, unknown>();
  const problems: string[] = [];
  try {
    collect(parseYaml(readFileSync(path, 'utf8')), '', (name, value) => {
      if (!isSettingName(name)) problems.push(unknownName(name, path));
      else if (values.has(name)) problems.push(`${name}: given twice (in file ${path}); keep one of them`);
      else values.set(name, value);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push(`config-file: ${path} cannot be read: ${reason}; give the path of a YAML map of settings`);
  }
  return { path, values, problems };
}

/**
 * Parses YAML with every scalar as the text that stands there, so that a value means the same in the file as
 * in a flag or a variable: a password of 007 stays 007. Only null, or nothing at all, is not a text.
 */
function parseYaml(source: string): unknown {
  const lineCounter = new LineCounter();
  // The pretty messages of the library quote the line they are about, and with it a password.
  const document = parseDocument(source, {
    schema: 'failsafe',
    customTags: ['null'],
    prettyErrors: false,
    lineCounter,
  });
  const faults = [...document.errors, ...document.warnings].map((fault) => {
    const { line, col } = lineCounter.linePos(fault.pos[0]);
    return `line ${line}, column ${col}: ${fault.message}`;
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return document.toJS();
}

/** Turns nested maps into dotted names; a dotted name may also be written in one piece. */
function collect(node: unknown, prefix: string, add: (name: string, value: unknown) => void): void {
  if (node === null || node === undefined) return;
  if (isMap(node)) {
    for (const [key, value] of Object.entries(node))
      collect(value, prefix === '' ? key : `${prefix}.${key}`, add);
    return;
  }
  if (prefix === '') throw new Error('it holds no map');
  add(prefix, node);
}

function isMap(node: unknown): node is Readonly<Record<string, unknown>> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

function unknownName(name: string, path: string): string {
  const section = name.split('.')[0];
  const known = settingNames.filter((other) => other.split('.')[0] === section);
  const hint = known.length > 0 ? `known here: ${known.join(', ')}` : '`log-courier config` lists the names';
  return `${name}: unknown setting (in file ${path}); ${hint}`;
}
