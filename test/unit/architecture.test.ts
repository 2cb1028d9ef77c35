import { describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { importsOf, packageOf } from '../support/imports.js';

const packages = z.record(z.string(), z.string()).default({});
const manifest = z
  .object({ dependencies: packages, optionalDependencies: packages, peerDependencies: packages })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')));

/** What the embedded engines are made of. It is large, and installed for tests and the demo alone. */
const ENGINE_PACKAGES = ['chdb'];

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('files', () => {
  test.each(['src', 'test', 'scripts'])('in %s have names in kebab-case', (directory) => {
    const odd = filesIn(directory).filter(
      (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(basename(file)),
    );
    expect(odd).toEqual([]);
  });
});

describe('the pages', () => {
  test.each(['src/dashboard/client', 'src/dashboard/pages'])('in %s name no kind of record', (directory) => {
    const named = filesIn(directory).filter((file) =>
      /\b(buckets?|S3|access[- ]?logs?|raft)\b/i.test(readFileSync(file, 'utf8')),
    );
    expect(named).toEqual([]);
  });
});

describe('imports point one way', () => {
  const RULE = 'import-x/no-restricted-paths';
  // The rule needs no types, and loading all files for them takes long.
  const eslint = new ESLint({
    ruleFilter: ({ ruleId }) => ruleId === RULE,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  });

  async function refusals(importer: string, imported: string): Promise<readonly string[]> {
    const [result] = await eslint.lintText(`import '${imported}';\n`, { filePath: importer });
    return (result?.messages ?? []).map(({ ruleId }) => String(ruleId));
  }

  test.each([
    ['src/config/load.ts', '../cli/main.js'],
    ['src/observability/log.ts', '../config/load.js'],
    ['src/destinations/s3/client.ts', '../../pipelines/pipeline.js'],
    ['src/clickhouse/client.ts', '../destinations/s3/client.js'],
    ['src/embedded/engines.ts', '../clickhouse/client.js'],
    ['src/pipelines/pipeline.ts', '../queues/names.js'],
    ['src/queues/delivery.ts', '../processors/delivery.js'],
    ['src/processors/delivery.ts', '../dashboard/server.js'],
    ['src/dashboard/server.ts', '../processors/delivery.js'],
  ])('ESLint refuses %s to import %s', async (importer, imported) => {
    expect(await refusals(importer, imported)).toEqual([RULE]);
  });

  test('ESLint lets cli import all', async () => {
    expect(await refusals('src/cli/main.ts', '../processors/delivery.js')).toEqual([]);
  });
});

describe('packages', () => {
  test('that the program imports are those that come with it', () => {
    const strangers = filesIn('src')
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => importsOf(file).map((one) => ({ file, kind: one.kind, name: packageOf(one) })))
      .filter(({ name }) => name !== undefined && !Object.hasOwn(manifest.dependencies, name))
      .filter(({ file, kind, name = '' }) => {
        const isEngine = file.startsWith(join('src', 'embedded')) && ENGINE_PACKAGES.includes(name);
        return !isEngine || kind === 'static';
      });
    expect(strangers).toEqual([]);
  });

  test.each(ENGINE_PACKAGES)('of engines, such as %s, do not come with it', (name) => {
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    expect(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })).not.toContain(
      name,
    );
  });

  test('are found in whatever registry npm is told to use', () => {
    expect(readFileSync('package-lock.json', 'utf8')).not.toContain('"resolved"');
  });
});
