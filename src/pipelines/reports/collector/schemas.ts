import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ajv2020, ValidateFunction } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { NAME } from './agents.js';
import { Refusal } from './problem.js';

/** A schema cannot be used. */
export class SchemaFileError extends Error {
  override readonly name = 'SchemaFileError';
}

const ENDING = '.json';

/** JSON Schemas (draft 2020-12) of reports, one a type. */
export class ReportSchemas {
  private constructor(private readonly byType: ReadonlyMap<string, ValidateFunction>) {}

  /**
   * @param directory has a file `<type>.json` for each type that is checked; empty when none is
   * @throws {SchemaFileError}
   */
  static async read(directory: string): Promise<ReportSchemas> {
    const byType = new Map<string, ValidateFunction>();
    if (directory === '') return new ReportSchemas(byType);
    // Loaded by who checks something.
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    const ajv = new Ajv2020({ strict: false });
    for (const file of await readdir(directory)) {
      if (!file.endsWith(ENDING)) continue;
      const type = file.slice(0, -ENDING.length);
      if (!NAME.test(type))
        throw new SchemaFileError(`${join(directory, file)}: ${type} can be no type of reports`);
      byType.set(type, await schemaIn(ajv, join(directory, file)));
    }
    return new ReportSchemas(byType);
  }

  /**
   * Checks a report against the schema of its type, if there is one.
   *
   * @throws {Refusal}
   */
  check(type: string, report: unknown, where: string): void {
    const validate = this.byType.get(type);
    if (validate === undefined || validate(report)) return;
    const [error] = validate.errors ?? [];
    const at = error === undefined || error.instancePath === '' ? 'the report' : error.instancePath;
    throw new Refusal(
      'schema',
      `${where}of type ${type}: ${at} ${error?.message ?? 'is not as its schema says'}`,
    );
  }
}

async function schemaIn(ajv: Ajv2020, path: string): Promise<ValidateFunction> {
  try {
    const schema = z
      .union([z.boolean(), z.record(z.string(), z.unknown())])
      .parse(JSON.parse(await readFile(path, 'utf8')));
    return ajv.compile(schema);
  } catch (cause) {
    throw new SchemaFileError(`${path} is no JSON Schema: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
}
