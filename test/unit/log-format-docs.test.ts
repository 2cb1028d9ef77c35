import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  athenaTable,
  logLineFieldsTable,
  logLinePattern,
} from '../../src/pipelines/access-logs/log-line-docs.js';
import { logLineFields } from '../../src/pipelines/access-logs/log-line.js';
import { awsLogLinePattern } from '../support/aws-log-lines.js';

const page = readFileSync(new URL('../../docs/log-format.md', import.meta.url), 'utf8');

describe('docs/log-format.md', () => {
  test('shows the fields as they are written', () => {
    expect(page).toContain(`<!-- fields -->\n\n${logLineFieldsTable()}\n\n<!-- /fields -->`);
  });

  test('shows the regular expression', () => {
    expect(page).toContain(`<!-- pattern -->\n\n\`\`\`\n${logLinePattern()}\n`);
  });

  test('shows the Athena table', () => {
    expect(page).toContain(`<!-- athena -->\n\n\`\`\`sql\n${athenaTable()}\n`);
  });
});

describe('the list of fields', () => {
  test('gives the regular expression that AWS publishes', () => {
    expect(`^${logLinePattern()}`).toBe(awsLogLinePattern.source);
  });

  test('is numbered from 1 to 26', () => {
    expect(logLineFields.map(({ number }) => number)).toEqual(Array.from({ length: 26 }, (_, i) => i + 1));
  });
});
