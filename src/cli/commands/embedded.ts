import { join } from 'node:path';
import { startEngines } from '../../embedded/engines.js';
import { createLog } from '../../observability/log.js';
import { print, printJson, type Register } from '../context.js';

/** Where embedded engines keep their data when nothing else is said. */
export const EMBEDDED_DIRECTORY = join('data', 'embedded');

/** `embedded`: Redis, ClickHouse and S3 alone. */
export const registerEmbedded: Register = (program, context) => {
  program
    .command('embedded')
    .description('run Redis, ClickHouse and S3 on free ports of 127.0.0.1, until stopped')
    .option('--dir <dir>', 'where they keep their data', EMBEDDED_DIRECTORY)
    .option('--json', 'print the environment variables as one JSON object instead of shell lines')
    .addHelpText('after', '\nExample: log-courier embedded --dir /tmp/engines')
    .action(async (options: { dir: string; json?: boolean }) => {
      const engines = await startEngines({ dir: options.dir, signal: context.stop, log: createLog('warn') });
      try {
        if (options.json === true) printJson(context.stdout, engines.environment);
        else print(context.stdout, shellLines(engines.environment));
        await Promise.race([whenAborted(context.stop), engines.exited.then(failOnExit)]);
      } finally {
        await engines.stop();
      }
    });
};

/** Resolves when the signal is aborted. */
export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** An embedded engine ended by itself: nothing can go on without it. */
export function failOnExit({
  engine,
  code,
  signal,
}: {
  engine: string;
  code: number | null;
  signal: string | null;
}): never {
  throw new Error(
    `the embedded ${engine} has ended by itself (${signal ?? `status ${String(code)}`}); its log says why`,
  );
}

function shellLines(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`)
    .join('\n');
}
