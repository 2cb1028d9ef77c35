import type { Command } from 'commander';
import { variableOf } from '../../config/setting-names.js';
import { tableNameOf } from '../../config/tables-settings.js';
import type { CliContext, Register } from '../context.js';
import { settingsOf, withSettings } from '../setting-flags.js';
import { run } from './run.js';

interface ArchiveOptions {
  readonly table?: string;
  readonly once?: boolean;
}

/** `archive`: `run` for tables alone, as deployments of the archiver before it are started. */
export const registerArchive: Register = (program, context) => {
  const command = program
    .command('archive')
    .description('archive database tables, and clean up behind it: `run` with the pipelines of tables alone')
    .option('-t, --table <table>', 'this table alone, in place of those of tables.names')
    .option('--once', 'archive what is ready, then exit: 0, or 1 if an order failed')
    .addHelpText('after', '\nExamples:\n  log-courier archive\n  log-courier archive -t log_scores --once')
    .action(({ table, once }: ArchiveOptions) =>
      run(command, context, once === true ? { once } : {}, environmentOf(command, context, table)),
    );
  withSettings(command);
};

/** The settings that make `run` an archiver of tables, as environment variables. */
function environmentOf(
  command: Command,
  context: CliContext,
  table: string | undefined,
): Readonly<Record<string, string>> {
  const pipelines = { [variableOf('pipelines')]: 'tables' };
  if (table === undefined) return pipelines;
  const named = { ...pipelines, [variableOf('tables.names')]: table };
  // With the columns that the settings name for it, if they do.
  const { settings } = settingsOf(command, context, { [variableOf('pipelines')]: 'access-logs' });
  const known = settings['tables.names'].find((name) => tableNameOf(name).table === table);
  return known === undefined ? named : { ...named, [variableOf('tables.names')]: known };
}
