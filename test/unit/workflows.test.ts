import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';

const FOLDER = '.github/workflows';

const step = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});
const permissions = z.record(z.string(), z.enum(['read', 'write', 'none']));
const workflow = z.looseObject({
  permissions,
  jobs: z.record(
    z.string(),
    z.looseObject({
      permissions: permissions.default({}),
      'timeout-minutes': z.int(),
      steps: z.array(step),
    }),
  ),
});

const workflows = readdirSync(FOLDER).map((name) => ({
  name,
  jobs: Object.entries(read(name).jobs),
  permissions: read(name).permissions,
}));

function read(name: string): z.output<typeof workflow> {
  return workflow.parse(parse(readFileSync(join(FOLDER, name), 'utf8')));
}

/** The step of a job that uses an action. */
function stepOf(file: string, job: string, action: string): z.output<typeof step> {
  const found = read(file).jobs[job]?.steps.findLast(({ uses }) => uses?.split('@', 1)[0] === action);
  if (found === undefined) throw new Error(`${file} has no ${action} in ${job}`);
  return found;
}

describe.each(workflows)('the workflow $name', ({ jobs, permissions: top }) => {
  test('may only read what is not granted to a job, and every job ends some time', () => {
    expect(top).toEqual({ contents: 'read' });
    for (const [, job] of jobs) expect(job['timeout-minutes']).toBeLessThanOrEqual(90);
  });

  test('uses actions of a stated version, and leaves no token behind in the checkout', () => {
    for (const [, { steps }] of jobs) {
      for (const { uses, with: given } of steps) {
        if (uses === undefined) continue;
        expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
        if (uses.startsWith('actions/checkout@')) expect(given['persist-credentials']).toBe(false);
      }
    }
  });

  test('lets no expression of GitHub into a shell, where a name of a branch could be a command', () => {
    for (const [, { steps }] of jobs) for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });
});

describe('the image that is published', () => {
  test('comes with a list of what is in it and with its provenance, signed and kept beside it', () => {
    const { with: build } = stepOf('image.yml', 'publish', 'docker/build-push-action');
    expect(build).toMatchObject({
      file: 'deploy/Dockerfile',
      push: true,
      sbom: true,
      provenance: 'mode=max',
      platforms: 'linux/amd64,linux/arm64',
    });
    const { with: attested } = stepOf('image.yml', 'publish', 'actions/attest-build-provenance');
    expect(attested).toMatchObject({
      'subject-digest': '${{ steps.image.outputs.digest }}',
      'push-to-registry': true,
    });
    expect(read('image.yml').jobs['publish']?.permissions).toEqual({
      contents: 'read',
      packages: 'write',
      attestations: 'write',
      'id-token': 'write',
    });
  });
});

describe('a release', () => {
  test('has the package, its list of contents and their digests, all of them attested, after all tests', () => {
    const steps = read('release.yml').jobs['release']?.steps ?? [];
    const position = (text: string): number =>
      steps.findIndex(({ run = '', uses = '' }) => run.includes(text) || uses.includes(text));
    const order = ['bash .ci/run', 'npm sbom --omit dev', 'attest-build-provenance', 'gh release create'].map(
      position,
    );
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((one, other) => one - other));
    expect(steps[position('npm sbom')]?.run).toContain('sha256sum log-courier-*');
    expect(stepOf('release.yml', 'release', 'actions/attest-build-provenance').with['subject-path']).toBe(
      'log-courier-*',
    );
    expect(read('release.yml').jobs['release']?.permissions).toEqual({
      contents: 'write',
      attestations: 'write',
      'id-token': 'write',
    });
  });
});
