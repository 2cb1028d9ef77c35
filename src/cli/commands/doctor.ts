import { isBucketName } from '../../destinations/s3/errors.js';
import type { Finding } from '../../pipelines/finding.js';
import { openStore } from '../assembly.js';
import { print, printJson, UsageError, type Register } from '../context.js';
import { diagnose, type Diagnosis } from '../doctor/examine.js';
import { formatNumberOf } from '../format.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';

interface DoctorOptions {
  readonly bucket: readonly string[];
  readonly json?: boolean;
}

/** `doctor`: checks a deployment and says what to mend. */
export const registerDoctor: Register = (program, context) => {
  const command = program
    .command('doctor')
    .description('check a deployment and say what to mend; status 1 when there is a problem')
    .option(
      '--bucket <name[/prefix]>',
      'write a test object into this bucket and remove it; may be repeated (default: begin and abort an upload in ' +
        'those that records name lately)',
      (bucket: string, before: readonly string[]) => [...before, bucket],
      [],
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  log-courier doctor\n  log-courier doctor --bucket photo-logs --bucket video-logs/access/',
    )
    .action(async (options: DoctorOptions) => {
      const wrong = options.bucket.find((place) => !isBucketName(place.split('/', 1).join('')));
      if (wrong !== undefined)
        throw new UsageError(`doctor: --bucket: no bucket can be named ${JSON.stringify(wrong)}`);
      const loaded = settingsOf(command, context);
      const store = openStore(loaded.settings, logOf(loaded));
      try {
        const diagnosis = await diagnose(store, options.bucket, context.stop);
        if (options.json === true) printJson(context.stdout, diagnosis);
        else print(context.stdout, describeDiagnosis(diagnosis));
        if (!diagnosis.ok) context.exitCode = 1;
      } finally {
        await store.close();
      }
    });
  withSettings(command);
};

/** What is to be done stands first. */
const ORDER = { problem: 0, warning: 1, ok: 2 } as const;

/** A diagnosis as a table of verdict and finding, what needs doing first, and the verdict on the whole last. */
export function describeDiagnosis({ counts, findings }: Diagnosis): string {
  const sorted = [...findings].sort((one, other) => ORDER[one.verdict] - ORDER[other.verdict]);
  return [...sorted.flatMap(rowsOf), summary(counts)].join('\n');
}

/** Width of the column of verdicts, and of the arrow that stands in it before what is to be done. */
const VERDICT_WIDTH = 9;

function rowsOf({ check, subject, verdict, found, advice }: Finding): readonly string[] {
  const name = `${verdict.padEnd(VERDICT_WIDTH)}${check}${subject === '' ? '' : ` ${subject}`}`;
  if (verdict === 'ok') return [`${name}: ${found}`];
  return [name, `${' '.repeat(VERDICT_WIDTH)}${found}`, `${'→ '.padStart(VERDICT_WIDTH)}${advice}`];
}

function summary({ ok, warning, problem }: Diagnosis['counts']): string {
  const verdict = problem > 0 ? 'not well' : 'well';
  return `${verdict}: ${formatNumberOf(problem, 'problem')}, ${formatNumberOf(warning, 'warning')}, ${String(ok)} ok`;
}
