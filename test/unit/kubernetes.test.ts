import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { buildProgram } from '../../src/cli/program.js';
import { ROLES, usualRoles } from '../../src/cli/roles.js';
import { CONFIG_FILE_VARIABLE, loadSettings } from '../../src/config/load.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, settingsTable } from '../../src/config/settings.js';
import { ACCESS_LOGS } from '../../src/pipelines/access-logs/order.js';
import { deliveryQueueOf } from '../../src/queues/names.js';
import {
  documentsIn,
  faultsOf,
  kustomized,
  manifestsIn,
  yamlFilesIn,
  type Manifest,
} from '../support/kubernetes.js';

const ROOT = 'deploy/kubernetes';
const BASE = join(ROOT, 'base');
const SECRET = 'log-courier-secrets';

const kustomization = z.looseObject({
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  configMapGenerator: z.array(z.looseObject({ files: z.array(z.string()) })).default([]),
  patches: z.array(z.looseObject({ path: z.string().optional() })).default([]),
});

const folders = yamlFilesIn(ROOT)
  .filter((file) => file.endsWith('kustomization.yaml'))
  .map(dirname);

/** Files that a kustomization names. */
function namedIn(folder: string): readonly string[] {
  const named = kustomization.parse(parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')));
  return [
    ...named.resources,
    ...named.components,
    ...named.configMapGenerator.flatMap(({ files }) => files.map((file) => file.split('=').at(-1) ?? '')),
    ...named.patches.flatMap(({ path }) => path ?? []),
  ].map((file) => join(folder, file));
}

const resources = folders.flatMap((folder) =>
  namedIn(folder).filter((file) => file.endsWith('.yaml') && !/settings|without-replicas/.test(file)),
);
const all = resources.flatMap((file) => manifestsIn(file).map((manifest) => ({ file, manifest })));
const named = all.map(({ file, manifest }) => ({
  name: `${manifest.kind} ${manifest.metadata.name}`,
  file,
  manifest,
}));

const probe = z.looseObject({ httpGet: z.looseObject({ path: z.string(), port: z.string() }) });
const container = z.looseObject({
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })),
  envFrom: z.array(z.looseObject({ secretRef: z.looseObject({ name: z.string() }) })),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.int() })).default([]),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.looseObject({ limits: z.looseObject({ memory: z.string() }) }),
  securityContext: z.looseObject({}),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
});
const workload = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().optional(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        securityContext: z.looseObject({}),
        terminationGracePeriodSeconds: z.int().optional(),
        enableServiceLinks: z.boolean(),
        automountServiceAccountToken: z.boolean(),
        containers: z.tuple([container]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
});

function podOf(manifest: Manifest): z.output<typeof workload>['spec']['template'] {
  return workload.parse(manifest).spec.template;
}

const workloads = named.filter(({ manifest }) => ['Deployment', 'Job'].includes(manifest.kind));
const deployments = named.filter(({ manifest }) => manifest.kind === 'Deployment');

function deploymentOf(role: (typeof ROLES)[number]): Manifest {
  const found = deployments.find(({ manifest }) => manifest.metadata.name === `log-courier-${role}`);
  if (found === undefined) throw new Error(`there is no deployment of ${role}`);
  return found.manifest;
}

describe('every manifest', () => {
  test('that lies there is used, and every file that is named lies there', () => {
    const used = folders.flatMap(namedIn);
    expect(used.filter((file) => !existsSync(file))).toEqual([]);
    const files = yamlFilesIn(ROOT).filter((file) => !file.endsWith('kustomization.yaml'));
    expect(files.filter((file) => !used.includes(file))).toEqual([]);
  });

  test('of every component can be seen in an example', () => {
    const components = readdirSync(join(ROOT, 'components'));
    const shown = folders
      .flatMap(namedIn)
      .filter((file) => components.some((name) => file.endsWith(`components/${name}`)));
    // hpa and keda exclude each other; the example has keda.
    expect(shown.map((file) => file.split('/').at(-1)).sort()).toEqual(
      components.filter((name) => name !== 'hpa').sort(),
    );
  });

  test.each(named)('$name is valid, and has no field that Kubernetes does not know', ({ manifest }) => {
    expect(faultsOf(manifest)).toEqual([]);
  });

  test('with a misspelt field, or one of another type, would be found', () => {
    const deployment = deploymentOf('processors');
    const misspelt = JSON.stringify(deployment).replace('readinessProbe', 'readinesProbe');
    const [one] = documentsIn(misspelt);
    expect(faultsOf(deployment)).toEqual([]);
    expect(faultsOf({ ...deployment, ...z.looseObject({}).parse(one) })).toEqual([
      '/spec/template/spec/containers/0/readinesProbe is no field that Kubernetes knows',
    ]);
    const [other] = documentsIn(
      JSON.stringify(deployment).replace('"containerPort":9090', '"containerPort":"9090"'),
    );
    expect(faultsOf({ ...deployment, ...z.looseObject({}).parse(other) })).toEqual([
      expect.stringContaining('containerPort must be integer'),
    ]);
  });
});

describe('the base', () => {
  test('runs every role, each in a deployment of its own, with a disruption budget', () => {
    const roles = deployments.flatMap(({ manifest }) => podOf(manifest).spec.containers[0].args.slice(-1));
    expect(roles.sort()).toEqual([...usualRoles(['access-logs'])].sort());
    const budgets = named.filter(({ manifest }) => manifest.kind === 'PodDisruptionBudget');
    expect(budgets.map(({ manifest }) => manifest.metadata.name).sort()).toEqual(
      deployments.map(({ manifest }) => manifest.metadata.name).sort(),
    );
  });

  test.each(deployments)(
    '$name outlives its own shutdown, and is asked for its health where it listens',
    ({ manifest }) => {
      const { spec } = podOf(manifest);
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(
        Number(settingsTable['shutdown-timeout-seconds'].default),
      );
      const { ports, livenessProbe, readinessProbe } = spec.containers[0];
      const metrics = ports.find(({ name }) => name === 'metrics');
      expect(metrics?.containerPort).toBe(settingsTable['metrics-server.listen-port'].default);
      expect(livenessProbe?.httpGet).toMatchObject({ path: '/healthz', port: 'metrics' });
      // The dashboard is needed most when an engine is away.
      const isDashboard = manifest.metadata.name.endsWith('dashboard');
      expect(readinessProbe?.httpGet.path).toBe(isDashboard ? '/healthz' : '/readyz');
    },
  );

  test('serves the dashboard on the port that it listens on', () => {
    const { ports } = podOf(deploymentOf('dashboard')).spec.containers[0];
    expect(ports.find(({ name }) => name === 'http')?.containerPort).toBe(
      settingsTable['dashboard.listen-port'].default,
    );
  });
});

describe.each(workloads)('$name', ({ manifest }) => {
  const { spec } = podOf(manifest);
  const [{ args, env, envFrom, securityContext, volumeMounts, image }] = spec.containers;

  test('runs without rights: not as root, on a file system that is read-only, with no capabilities', () => {
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec.automountServiceAccountToken).toBe(false);
  });

  test('calls a command that exists, with options that it has', () => {
    const silent = { write: () => undefined, isTTY: false };
    const program = buildProgram({
      stdout: silent,
      stderr: silent,
      environment: {},
      stop: new AbortController().signal,
      exitCode: 0,
    });
    const [command = '', ...rest] = args;
    const known = program.commands.find((one) => one.name() === command);
    expect(known).toBeDefined();
    const words = [
      ...(known?.options ?? []).map(({ long }) => long),
      ...(known?.commands ?? []).map((one) => one.name()),
      ...ROLES,
    ];
    expect(rest.filter((word) => !words.includes(word))).toEqual([]);
  });

  test('is given settings by variables that exist, by a file and by the one secret', () => {
    const variables = [...settingNames.map(variableOf), CONFIG_FILE_VARIABLE];
    expect(env.filter(({ name }) => !variables.includes(name))).toEqual([]);
    expect(envFrom.map(({ secretRef }) => secretRef.name)).toEqual([SECRET]);
    const file = env.find(({ name }) => name === CONFIG_FILE_VARIABLE)?.value ?? '';
    expect(volumeMounts.map(({ mountPath }) => mountPath)).toContain(dirname(file));
    expect(spec.volumes.map(({ name }) => name)).toEqual(volumeMounts.map(({ name }) => name));
    // Kubernetes would add variables of the services, which begin as those of the settings do.
    expect(spec.enableServiceLinks).toBe(false);
  });

  test('takes the image whose name an overlay replaces', () => {
    expect(image).toBe('log-courier');
  });
});

describe('settings', () => {
  const files = yamlFilesIn(ROOT).filter((file) => file.endsWith('/settings.yaml'));

  test.each(files)('of %s are accepted, with the secrets that the README names', (configFile) => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const secrets = [...readme.matchAll(/--from-literal=(\w+)=(\S+)/g)];
    const known = settingNames.map(variableOf);
    expect(
      secrets.map(([, variable = '']) => variable).filter((variable) => !known.includes(variable)),
    ).toEqual([]);
    const environment = Object.fromEntries(secrets.map(([, variable = '', value = '']) => [variable, value]));
    const { settings } = loadSettings({
      flags: {},
      environment: { ...environment, LOG_COURIER_DASHBOARD_LISTEN_ADDRESS: '0.0.0.0' },
      configFile,
    });
    expect(settings['metrics-server.listen-address']).toBe('0.0.0.0');
    expect(settings['dashboard.password']).not.toBe('');
  });
});

describe('the alert rules', () => {
  const PROMETHEUS = join(ROOT, 'components', 'prometheus-operator');

  test('are those of deploy/prometheus (if not: npm run docs)', () => {
    const [{ spec } = { spec: undefined }] = manifestsIn(join(PROMETHEUS, 'rules.yaml'));
    expect(spec).toEqual(parse(readFileSync('deploy/prometheus/rules.yml', 'utf8')));
  });

  test('ask for the job by the name that the scrapes give it', () => {
    const [monitor] = manifestsIn(join(PROMETHEUS, 'pod-monitor.yaml'));
    const { jobLabel } = z.looseObject({ jobLabel: z.string() }).parse(monitor?.['spec']);
    expect(readFileSync('deploy/prometheus/rules.yml', 'utf8')).toContain('job="log-courier"');
    for (const { manifest } of deployments)
      expect(podOf(manifest).metadata.labels[jobLabel]).toBe('log-courier');
  });
});

describe('autoscaling', () => {
  test('by KEDA counts the sorted set in which BullMQ keeps the orders that wait', () => {
    const scaled = named.find(({ manifest }) => manifest.kind === 'ScaledObject');
    const prefix = settingsTable['redis.key-prefix'].default;
    expect(JSON.stringify(scaled?.manifest)).toContain(
      `"listName":"${prefix}:${deliveryQueueOf(ACCESS_LOGS)}:prioritized"`,
    );
  });

  test.each(['hpa', 'keda'])(
    'by %s leaves the number of replicas to the autoscaler, which begins with as many',
    (name) => {
      const folder = join(ROOT, 'components', name);
      const patch: unknown = parse(readFileSync(join(folder, 'without-replicas.yaml'), 'utf8'));
      expect(patch).toEqual([{ op: 'remove', path: '/spec/replicas' }]);
      const { replicas } = workload.parse(deploymentOf('processors')).spec;
      const scalers = all.filter(({ file }) => file.startsWith(`${folder}/`)).map(({ manifest }) => manifest);
      expect(JSON.stringify(scalers)).toMatch(new RegExp(`"minReplica(s|Count)":${String(replicas)}`));
    },
  );
});

describe('what kustomize makes of an overlay', () => {
  const overlays = folders.filter((folder) => folder.includes('/overlays/'));
  const tool = kustomized(BASE) === undefined ? test.skip : test;

  tool.each([...overlays, BASE])(
    '%s is valid, in one namespace, with an image of a stated version',
    (folder) => {
      const manifests = kustomized(folder) ?? [];
      expect(manifests.map((manifest) => [manifest.kind, faultsOf(manifest)])).toEqual(
        manifests.map((manifest) => [manifest.kind, []]),
      );
      if (folder === BASE) return;
      expect(new Set(manifests.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['log-courier']));
      const images = manifests
        .filter(({ kind }) => ['Deployment', 'Job'].includes(kind))
        .map((manifest) => podOf(manifest).spec.containers[0].image);
      const { version } = z
        .object({ version: z.string() })
        .parse(JSON.parse(readFileSync('package.json', 'utf8')));
      expect(new Set(images)).toEqual(new Set([`ghcr.io/example/log-courier:${version}`]));
      const processors = manifests.find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith('processors'),
      );
      expect(workload.parse(processors).spec.replicas).toBeUndefined();
    },
  );
});
