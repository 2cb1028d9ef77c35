import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { positiveNumber } from '../arguments.js';
import { runDemo } from '../demo/run-demo.js';
import type { Register } from '../context.js';

/** `demo`: everything at once, on this machine, for people to look at. */
export const registerDemo: Register = (program, context) => {
  program
    .command('demo')
    .description('start everything embedded, generate records, deliver them and audit the result')
    .option('--rows <n>', 'records to generate', positiveNumber, 200_000)
    .option('--exit', 'end after the audit: status 0, or 1 when something is missing or duplicated')
    .addHelpText('after', '\nExample: log-courier demo --exit')
    .action(async (options: { rows: number; exit?: boolean }) => {
      const dir = await mkdtemp(join(tmpdir(), 'log-courier-demo-'));
      try {
        await runDemo(context, { dir, rows: options.rows, exit: options.exit === true });
      } finally {
        await rm(dir, { recursive: true, force: true, maxRetries: 3 });
      }
    });
};
