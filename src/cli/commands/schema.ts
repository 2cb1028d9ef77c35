import { ClickHouse } from '../../clickhouse/client.js';
import { applySchema, schemaText } from '../../clickhouse/schema.js';
import { print, type Register } from '../context.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';
import { waitFor } from '../wait-for.js';

/** `schema print` and `schema apply`. */
export const registerSchema: Register = (program, context) => {
  const schema = program
    .command('schema')
    .description('show or apply the ClickHouse schema')
    .addHelpText('after', '\nExample: log-courier schema apply');

  const printing = schema
    .command('print')
    .description('print the schema as SQL')
    .addHelpText(
      'after',
      '\nExample: log-courier schema print --clickhouse-cluster ring | clickhouse-client -n',
    )
    .action(() => {
      context.stdout.write(schemaText(settingsOf(printing, context).settings));
    });
  withSettings(printing);

  const applying = schema
    .command('apply')
    .description('create what is missing in ClickHouse; leaves alone what is there')
    .addHelpText('after', '\nExample: log-courier schema apply --clickhouse-url http://ch:8123')
    .action(async () => {
      const loaded = settingsOf(applying, context);
      const log = logOf(loaded);
      const clickhouse = new ClickHouse(loaded.settings, log);
      try {
        await waitFor(
          [{ engine: 'clickhouse', check: (signal) => clickhouse.ping(signal) }],
          log,
          context.stop,
        );
        const { applied, version } = await applySchema(clickhouse, loaded.settings);
        const what = applied.length === 0 ? 'nothing to do' : `applied ${applied.join(', ')}`;
        print(context.stdout, `schema version ${String(version)}: ${what}`);
      } finally {
        await clickhouse.close();
      }
    });
  withSettings(applying);
};
