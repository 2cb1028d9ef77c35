import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';

const line = z.object({
  benchmark: z.string(),
  headlines: z.array(z.object({ what: z.string(), value: z.number().positive() })).min(1),
  figures: z.array(z.object({ of: z.string(), summary: z.object({ median: z.number() }) })),
  machine: z.object({ cores: z.number(), node: z.string(), clickhouse: z.string(), revision: z.string() }),
});

let results: string;

beforeEach(async () => {
  results = await mkdtemp(join(tmpdir(), 'log-courier-bench-results-'));
});

afterEach(async () => {
  await rm(results, { recursive: true });
});

/** How long it takes is no matter. */
const LIMIT_MS = 600_000;

async function bench(...words: string[]): Promise<z.infer<typeof line>[]> {
  const node = ['--import', './scripts/loader/register.mjs', 'bench/main.ts'];
  const child = spawn(process.execPath, [...node, ...words, '--results', results, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return (): string => Buffer.concat(chunks).toString('utf8');
  });
  await once(child, 'close');
  expect({ status: child.exitCode, stderr: child.exitCode === 0 ? '' : stderr?.() }).toEqual({
    status: 0,
    stderr: '',
  });
  const lines = stdout?.().trim().split('\n') ?? [];
  return lines.map((text) => line.parse(JSON.parse(text)));
}

test(
  'the benchmark has all contenders of deliver write the same bytes, and tells ratios and CPU time',
  async () => {
    const found = await bench('deliver', 'courier-cpu', '--scale', '0.005', '--rounds', '1');
    expect(found.map(({ benchmark }) => benchmark)).toEqual(['deliver', 'courier-cpu']);
    expect(new Set(found[0]?.figures.map((figure) => figure.of))).toEqual(
      new Set(['log-courier', 'direct', 'naive']),
    );
    expect(await readdir(results)).toHaveLength(2);
  },
  LIMIT_MS,
);

test(
  'the benchmark of small buckets delivers them all, from the start of the process on',
  async () => {
    const [found] = await bench('small', '--scale', '0.002', '--rounds', '1');
    expect(found).toMatchObject({ benchmark: 'small', headlines: [{ what: 'orders, all in' }] });
  },
  LIMIT_MS,
);
