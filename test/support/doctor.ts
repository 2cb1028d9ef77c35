import { z } from 'zod';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { Finding } from '../../src/pipelines/finding.js';
import { runCli, type Environment } from './cli.js';
import type { Deployment } from './deployment.js';

/** The settings that some flags make. */
export function settingsWith(flags: Readonly<Record<string, string>> = {}): Settings {
  return loadSettings({ flags, environment: {} }).settings;
}

/** What is not well, in short. */
export const verdicts = (findings: readonly Finding[]): readonly string[] =>
  findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, subject, verdict }) => `${verdict} ${check} ${subject}`.trim());

const diagnosisSchema = z.strictObject({
  ok: z.boolean(),
  counts: z.strictObject({ ok: z.number(), warning: z.number(), problem: z.number() }),
  findings: z.array(
    z.strictObject({
      check: z.string(),
      subject: z.string(),
      verdict: z.enum(['ok', 'warning', 'problem']),
      found: z.string(),
      advice: z.string(),
    }),
  ),
});

type Printed = z.infer<typeof diagnosisSchema>;

/** What the doctor says of a deployment, and with which status. */
export async function diagnose(
  { environment }: Deployment,
  words: readonly string[],
  more: Environment = {},
): Promise<Printed & { status: number }> {
  const { status, stdout } = await runCli(['doctor', '--json', ...words], {
    environment: { ...environment, ...more },
  });
  const diagnosis = diagnosisSchema.parse(JSON.parse(stdout));
  return { ...diagnosis, status };
}

/** The problems that it names, in short. */
export function problemsOf({ findings }: Printed): readonly string[] {
  return findings
    .filter(({ verdict }) => verdict === 'problem')
    .map(({ check, subject }) => `${check} ${subject}`.trim());
}
