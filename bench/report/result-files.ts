import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMet, type BenchmarkResult } from '../benchmark.js';
import type { Machine } from './machine.js';

/** What is written for machines: the result, where it was measured, and whether it is what it is to be. */
export function recordOf(result: BenchmarkResult, machine: Machine, at: Date): object {
  const headlines = result.headlines.map((headline) => {
    const met = isMet(headline);
    return { ...headline, ...(met === undefined ? {} : { met }) };
  });
  return { ...result, headlines, at: at.toISOString(), machine };
}

/**
 * Writes a record into a file of its own.
 *
 * @returns its path
 */
export async function saveRecord(
  directory: string,
  { benchmark }: BenchmarkResult,
  record: object,
  at: Date,
): Promise<string> {
  const path = join(directory, `${benchmark}-${at.toISOString().slice(0, 19).replaceAll(':', '-')}.json`);
  await mkdir(directory, { recursive: true });
  await writeFile(path, `${JSON.stringify(record, null, 2)}\n`);
  return path;
}
