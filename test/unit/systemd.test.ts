import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ROLES, rolesFrom } from '../../src/cli/roles.js';
import { CONFIG_FILE_VARIABLE, loadSettings } from '../../src/config/load.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, settingsTable } from '../../src/config/settings.js';

const FOLDER = 'deploy/systemd';
const UNIT = 'log-courier@.service';
const unit = readFileSync(join(FOLDER, UNIT), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'log-courier-systemd-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** All values of a key, in order. */
function valuesOf(key: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

/** The variables of an environment file; those that are commented out too, when they are wanted. */
function variablesIn(file: string, commented = false): Readonly<Record<string, string>> {
  const pattern = commented ? /^(?:# )?([A-Z0-9_]+)=(.*)$/gm : /^([A-Z0-9_]+)=(.*)$/gm;
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return Object.fromEntries([...text.matchAll(pattern)].map(([, name = '', value = '']) => [name, value]));
}

const environmentFiles = readdirSync(FOLDER).filter((file) => file.endsWith('.env'));

describe('the unit of systemd', () => {
  test('runs the role that its instance is named for, with the settings of all and those of the role', () => {
    expect(valuesOf('ExecStart')).toEqual(['/usr/bin/log-courier run --roles %i']);
    for (const role of ROLES) expect(rolesFrom(role)).toEqual([role]);
    expect(valuesOf('EnvironmentFile')).toEqual([
      '/etc/log-courier/log-courier.env',
      '-/etc/log-courier/%i.env',
    ]);
  });

  test('outlives the shutdown of the program, which it alone is told of', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(
      Number(settingsTable['shutdown-timeout-seconds'].default),
    );
    expect(valuesOf('KillMode')).toEqual(['mixed']);
  });

  test('runs without rights', () => {
    expect(valuesOf('DynamicUser')).toEqual(['yes']);
    expect(valuesOf('NoNewPrivileges')).toEqual(['yes']);
    expect(valuesOf('CapabilityBoundingSet')).toEqual(['']);
    expect(valuesOf('ProtectSystem')).toEqual(['strict']);
  });
});

describe('the examples of settings for systemd', () => {
  test('are those of all roles, and those of single roles', () => {
    const roles = environmentFiles
      .map((file) => basename(file, '.env'))
      .filter((name) => name !== 'log-courier');
    for (const role of roles) expect(ROLES).toContain(role);
    expect(environmentFiles).toContain('log-courier.env');
  });

  test.each(environmentFiles)('in %s name variables of settings, with values that are accepted', (file) => {
    for (const commented of [false, true]) {
      const variables = variablesIn(file, commented);
      const known = [...settingNames.map(variableOf), CONFIG_FILE_VARIABLE];
      expect(Object.keys(variables).filter((name) => !known.includes(name))).toEqual([]);
      // The file that an example names lies on no machine but the reader's.
      const environment = { ...variablesIn('log-courier.env'), ...variables, [CONFIG_FILE_VARIABLE]: '' };
      expect(() => loadSettings({ flags: {}, environment })).not.toThrow();
    }
  });

  test('give roles on one machine ports of their own', () => {
    const ports = ROLES.map((role) => {
      const own = environmentFiles.includes(`${role}.env`) ? variablesIn(`${role}.env`) : {};
      return loadSettings({ flags: {}, environment: own }).settings['metrics-server.listen-port'];
    });
    expect(new Set(ports).size).toBe(ROLES.length);
  });
});

describe('systemd itself', () => {
  const tool = isInstalled() ? test : test.skip;

  tool('finds nothing wrong with the unit, and little exposed', () => {
    // The program is not installed here: any other one stands in for it.
    const file = join(dir, 'log-courier@processors.service');
    writeFileSync(file, unit.replace('/usr/bin/log-courier', process.execPath));
    expect(analyze('verify', '--man=no', file)).toBe('');
    const exposure = analyze('security', '--offline=true', '--threshold=20', file);
    expect(exposure).toContain('Overall exposure level');
  });
});

/** Runs systemd-analyze and answers what it prints; throws when it is not content. */
function analyze(...words: readonly string[]): string {
  return execFileSync('systemd-analyze', words, { encoding: 'utf8', stdio: 'pipe' });
}

function isInstalled(): boolean {
  try {
    analyze('--version');
    return true;
  } catch {
    return false;
  }
}
