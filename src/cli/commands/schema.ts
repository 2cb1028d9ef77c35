import { discoveryEngines } from '../../pipelines/engine.js';
import type { Prepared } from '../../pipelines/pipeline.js';
import { openStore } from '../assembly.js';
import { print, type Register } from '../context.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';
import { waitFor } from '../wait-for.js';

/** `schema print` and `schema apply`. */
export const registerSchema: Register = (program, context) => {
  const schema = program
    .command('schema')
    .description('show or apply the schema of what the pipelines keep at their sources')
    .addHelpText('after', '\nExample: log-courier schema apply');

  const printing = schema
    .command('print')
    .description('print the schema as SQL')
    .addHelpText(
      'after',
      '\nExample: log-courier schema print --clickhouse-cluster ring | clickhouse-client -n',
    )
    .action(async () => {
      const loaded = settingsOf(printing, context);
      const store = openStore(loaded.settings, logOf(loaded));
      try {
        const texts = store.pipelines.map((pipeline) => pipeline.schemaText?.() ?? '');
        // Several pipelines may keep the same.
        for (const text of new Set(texts)) context.stdout.write(text);
      } finally {
        await store.close();
      }
    });
  withSettings(printing);

  const applying = schema
    .command('apply')
    .description('create what is missing; leaves alone what is there')
    .addHelpText('after', '\nExample: log-courier schema apply --clickhouse-url http://ch:8123')
    .action(async () => {
      const loaded = settingsOf(applying, context);
      const log = logOf(loaded);
      const store = openStore(loaded.settings, log);
      try {
        for (const pipeline of store.pipelines) {
          await waitFor(discoveryEngines([pipeline]), log, context.stop);
          const prepared = await pipeline.prepare({ apply: true, signal: context.stop });
          const of = store.pipelines.length > 1 ? `${pipeline.name}: ` : '';
          print(context.stdout, `${of}${describe(prepared)}`);
        }
      } finally {
        await store.close();
      }
    });
  withSettings(applying);
};

function describe({ applied, version }: Prepared): string {
  const what = applied.length === 0 ? 'nothing to do' : `applied ${applied.join(', ')}`;
  return version === undefined ? what : `schema version ${String(version)}: ${what}`;
}
