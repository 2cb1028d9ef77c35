import { Command } from 'commander';
import { registerArchive } from './commands/archive.js';
import { registerAudit } from './commands/audit.js';
import { registerConfig } from './commands/config.js';
import { registerDemo } from './commands/demo.js';
import { registerDiscover } from './commands/discover.js';
import { registerDoctor } from './commands/doctor.js';
import { registerEmbedded } from './commands/embedded.js';
import { registerGenerate } from './commands/generate.js';
import { registerHashPassword } from './commands/hash-password.js';
import { registerImport } from './commands/import.js';
import { registerNotify } from './commands/notify.js';
import { registerReports } from './commands/reports.js';
import { registerRetry } from './commands/retry.js';
import { registerRun } from './commands/run.js';
import { registerSchema } from './commands/schema.js';
import { registerSkip } from './commands/skip.js';
import { registerStatus } from './commands/status.js';
import { registerVerifyManifest } from './commands/verify-manifest.js';
import type { CliContext, Register } from './context.js';
import { version } from './version.js';

const COMMANDS: readonly Register[] = [
  registerRun,
  registerEmbedded,
  registerSchema,
  registerGenerate,
  registerImport,
  registerArchive,
  registerReports,
  registerDiscover,
  registerStatus,
  registerRetry,
  registerSkip,
  registerAudit,
  registerVerifyManifest,
  registerNotify,
  registerConfig,
  registerDoctor,
  registerHashPassword,
  registerDemo,
];

/** The command line, ready to be parsed. It never ends the process: it throws. */
export function buildProgram(context: CliContext): Command {
  const program = new Command('log-courier');
  program
    .description(
      'Moves operational records out of hot stores into archives: nothing lost, nothing delivered twice.',
    )
    .version(version())
    .showHelpAfterError('(log-courier --help shows what there is)')
    .addHelpText('after', '\nExample: log-courier run --embedded');
  for (const register of COMMANDS) register(program, context);
  for (const command of [program, ...descendants(program)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  }
  return program;
}

function descendants(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}
