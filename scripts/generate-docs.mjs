// Writes what is derived from the code into docs/ and README.md. Needs dist/; `npm run docs` builds it first.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { markdownTable } from '../dist/config/markdown-table.js';
import { settingsPage, settingsSummary } from '../dist/config/settings-docs.js';
import { metricsPage } from '../dist/observability/metrics-docs.js';
import { routeTables } from '../dist/dashboard/routes-docs.js';
import {
  athenaTable,
  logLineFieldsTable,
  logLinePattern,
} from '../dist/pipelines/access-logs/log-line-docs.js';

writeFileSync('docs/settings.md', settingsPage());
writeFileSync('docs/metrics.md', metricsPage(markdownTable));
splice('docs/log-format.md', {
  fields: logLineFieldsTable(),
  pattern: `\`\`\`\n${logLinePattern()}\n\`\`\``,
  athena: `\`\`\`sql\n${athenaTable()}\n\`\`\``,
});
splice('docs/api.md', await routeTables());
writeFileSync(
  'deploy/kubernetes/components/prometheus-operator/rules.yaml',
  `# Written by \`npm run docs\` from deploy/prometheus/rules.yml; changes made here are lost.\n${stringify(
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'log-courier', labels: { 'app.kubernetes.io/name': 'log-courier' } },
      spec: parse(readFileSync('deploy/prometheus/rules.yml', 'utf8')),
    },
    { lineWidth: 0, singleQuote: true },
  )}`,
);
splice('README.md', { settings: settingsSummary() });

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function splice(file, parts) {
  const page = Object.entries(parts).reduce(
    (text, [name, part]) => {
      const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
      const from = text.indexOf(begin);
      const to = text.indexOf(end, from);
      if (from === -1 || to === -1) throw new Error(`${file} has no ${begin} … ${end}`);
      return `${text.slice(0, from)}${begin}\n\n${part}\n\n${text.slice(to)}`;
    },
    readFileSync(file, 'utf8'),
  );
  writeFileSync(file, page);
}
