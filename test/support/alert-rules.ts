import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.strictObject({
            summary: z.string(),
            description: z.string(),
            runbook_url: z.string(),
          }),
        }),
      ),
    }),
  ),
});

const testsSchema = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(
        z.object({ alertname: z.string(), eval_time: z.string(), exp_alerts: z.array(z.unknown()) }),
      ),
    }),
  ),
});

/** Where the rules and their tests are. */
export const RULES_DIRECTORY = 'deploy/prometheus';

function yamlOf(file: string): unknown {
  return parse(readFileSync(`${RULES_DIRECTORY}/${file}`, 'utf8'));
}

/** All alert rules. */
export const alertRules = rulesSchema.parse(yamlOf('rules.yml')).groups.flatMap(({ rules }) => rules);

/** What is expected of an alert in one of the rule tests, in the order of time: whether it fires. */
export function expectationsOf(alert: string): readonly (readonly boolean[])[] {
  return testsSchema
    .parse(yamlOf('rules.test.yml'))
    .tests.map(({ alert_rule_test }) =>
      alert_rule_test
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => exp_alerts.length > 0),
    );
}
