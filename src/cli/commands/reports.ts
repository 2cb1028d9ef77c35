import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { createMetrics } from '../../observability/metrics.js';
import { catReports, type FoundReport } from '../../pipelines/reports/archive/cat.js';
import { Condition, InvalidJsonPathError } from '../../pipelines/reports/archive/json-path.js';
import { reportsParts, type AllReportsParts } from '../../pipelines/reports/create.js';
import { importFiles } from '../../pipelines/reports/import/import-files.js';
import { print, UsageError, type CliContext, type Register } from '../context.js';
import { DurationError, parseDuration } from '../duration.js';
import { formatCount } from '../format.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';

interface CatFlags {
  readonly since?: number;
  readonly until?: number;
  readonly agent?: string;
  readonly type?: string;
  readonly where: readonly Condition[];
  readonly json?: boolean;
}

interface ImportFlags {
  readonly moveTo?: string;
}

/** `reports`: takes files of reports in, and reads them back out of the archive. */
export const registerReports: Register = (program, context) => {
  const reports = program
    .command('reports')
    .description('take files of reports into the archive, and read the archive back')
    .addHelpText(
      'after',
      '\nExamples:\n  log-courier reports cat --since 1h --agent web-17\n  log-courier reports import /var/lib/collector/reports',
    );
  registerImport(reports, context);
  registerCat(reports, context);
};

const registerImport: Register = (reports, context) => {
  const command = reports
    .command('import')
    .description('take files of JSON lines (.jsonl, .jsonl.gz, .jsonl.zst) into the spool, each once')
    .argument('<directory>', 'where they are; folders in it are searched too')
    .option('--move-to <directory>', 'move the files that were taken there; without it they stay')
    .addHelpText(
      'after',
      '\nThe service delivers them to the archive. Doing it again takes what is new.\nExample: log-courier reports import /var/lib/collector/reports --move-to /var/lib/collector/taken',
    )
    .action((directory: string, { moveTo }: ImportFlags) =>
      withParts(command, context, async (parts) => {
        refuseArchive(parts, directory);
        const { files, records, known, problems } = await importFiles({
          ...parts,
          directory,
          moveTo,
          signal: context.stop,
          onProblem: (file, why) => {
            print(context.stderr, `${file}: ${why}`);
          },
        });
        const before = known === 0 ? '' : `; ${formatCount(known)} files had been taken before`;
        const failed = problems === 0 ? '' : `; ${formatCount(problems)} files could not be taken`;
        print(
          context.stdout,
          `${formatCount(files)} files with ${formatCount(records)} reports taken into ${parts.spool}${before}${failed}`,
        );
        if (problems > 0) context.exitCode = 1;
      }),
    );
  withSettings(command);
};

const registerCat: Register = (reports, context) => {
  const command = reports
    .command('cat')
    .description('print reports of the archive, a line each; status 1 when a file could not be read')
    .option('--since <when>', 'received since then: a time in ISO 8601, or an age such as 15m, 1h, 3d', when)
    .option('--until <when>', 'received before then', when)
    .option('--agent <name>', 'sent by this agent')
    .option('--type <name>', 'of this type')
    .option('--where <jsonpath=value>', 'whose content is so; can be given several times', condition, [])
    .option('--json', 'print what is known of each report too: file, id, time, agent, type')
    .addHelpText(
      'after',
      "\nExamples:\n  log-courier reports cat --since 1h --agent web-17\n  log-courier reports cat --since 2026-11-01T00:00:00Z --where '$.os.name=linux' | jq .uptime",
    )
    .action((flags: CatFlags) =>
      withParts(command, context, async ({ store, pattern, settings }) => {
        const out = new Printer(context);
        const found = catReports({
          ...{ store, pattern },
          segmentSeconds: settings['reports.segment-max-seconds'],
          filter: {
            sinceMs: flags.since,
            untilMs: flags.until,
            agent: flags.agent,
            type: flags.type,
            conditions: flags.where,
          },
          signal: context.stop,
          onProblem: (file, why) => {
            out.flush();
            print(context.stderr, `log-courier: ${file}: ${why}`);
            context.exitCode = 1;
          },
        });
        for await (const report of found) out.line(flags.json === true ? described(report) : report.text);
        out.flush();
      }),
    );
  withSettings(command);
};

async function withParts(
  command: Command,
  context: CliContext,
  body: (parts: AllReportsParts) => Promise<void>,
): Promise<void> {
  const loaded = settingsOf(command, context);
  const parts = reportsParts({ settings: loaded.settings, log: logOf(loaded), metrics: createMetrics() });
  try {
    await body(parts);
  } finally {
    parts.close();
  }
}

/** What is in the archive need not be taken into it, and would be moved away from it. */
function refuseArchive({ store }: AllReportsParts, directory: string): void {
  const given = resolve(directory);
  if (store.kind === 'files' && (given === store.place || given.startsWith(`${store.place}/`)))
    throw new UsageError(
      `reports import: ${directory} is in the archive itself (reports.directory), where nothing is to be taken from; reports cat reads it as it is`,
    );
}

/** Bytes that are gathered before they are written. */
const GATHER = 64 * 1024;

/** Writes lines, many at once. */
class Printer {
  readonly #context: CliContext;
  #text: string[] = [];
  #length = 0;

  constructor(context: CliContext) {
    this.#context = context;
  }

  line(text: string): void {
    this.#text.push(text, '\n');
    this.#length += text.length + 1;
    if (this.#length >= GATHER) this.flush();
  }

  flush(): void {
    if (this.#length > 0) this.#context.stdout.write(this.#text.join(''));
    this.#text = [];
    this.#length = 0;
  }
}

/** One line of JSON, with the report byte for byte as it was posted. */
function described({ file, id, receivedAt, agent, type, text }: FoundReport): string {
  const known = JSON.stringify({ file, id, received_at: receivedAt, agent, type });
  return `${known.slice(0, -1)},"report":${text}}`;
}

function when(text: string): number {
  try {
    return Date.now() - parseDuration(text) * 1000;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'Give a time such as 2026-11-01T00:00:00Z, or an age such as 15m, 1h or 3d.',
    );
  return at;
}

function condition(text: string, before: readonly Condition[]): readonly Condition[] {
  try {
    return [...before, new Condition(text)];
  } catch (error) {
    if (error instanceof InvalidJsonPathError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
