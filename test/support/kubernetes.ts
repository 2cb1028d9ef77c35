import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Job } from 'kubernetes-models/batch/v1';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** One manifest, of whatever kind. */
export const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});

/** See {@link manifestSchema}. */
export type Manifest = z.output<typeof manifestSchema>;

/** All documents of a YAML text. */
export function documentsIn(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value: unknown = document.toJS();
    return value;
  });
}

/** The manifests of a YAML file. */
export function manifestsIn(file: string): readonly Manifest[] {
  return documentsIn(readFileSync(file, 'utf8')).map((document) => manifestSchema.parse(document));
}

/** All YAML files below a folder. */
export function yamlFilesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file))
    .sort();
}

/** What `kubectl kustomize`, or else `kustomize build`, makes of a folder; undefined where neither is installed. */
export function kustomized(folder: string): readonly Manifest[] | undefined {
  for (const [command, argument] of [
    ['kubectl', 'kustomize'],
    ['kustomize', 'build'],
  ] as const) {
    try {
      const output = execFileSync(command, [argument, folder], { encoding: 'utf8', stdio: 'pipe' });
      return documentsIn(output).map((document) => manifestSchema.parse(document));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return undefined;
}

/** The kinds that Kubernetes itself has, with the schemas of its API. */
const KINDS: Readonly<Record<string, { validate(): void }>> = {
  'v1 ConfigMap': ConfigMap.prototype,
  'v1 Service': Service.prototype,
  'v1 ServiceAccount': ServiceAccount.prototype,
  'apps/v1 Deployment': Deployment.prototype,
  'autoscaling/v2 HorizontalPodAutoscaler': HorizontalPodAutoscaler.prototype,
  'batch/v1 Job': Job.prototype,
  'networking.k8s.io/v1 Ingress': Ingress.prototype,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy.prototype,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget.prototype,
};

const text = z.string().min(1);
const labels = z.record(z.string(), text);
const metadata = z.strictObject({ name: text, namespace: text.optional(), labels: labels.optional() });

/** The kinds that operators bring: as much of their definitions as is used here, read off their documentation. */
const CUSTOM: Readonly<Record<string, z.ZodType>> = {
  'keda.sh/v1alpha1 TriggerAuthentication': z.strictObject({
    apiVersion: text,
    kind: text,
    metadata,
    spec: z.strictObject({
      secretTargetRef: z.array(z.strictObject({ parameter: text, name: text, key: text })),
    }),
  }),
  'keda.sh/v1alpha1 ScaledObject': z.strictObject({
    apiVersion: text,
    kind: text,
    metadata,
    spec: z.strictObject({
      scaleTargetRef: z.strictObject({ name: text }),
      minReplicaCount: z.int(),
      maxReplicaCount: z.int(),
      pollingInterval: z.int(),
      advanced: z.strictObject({
        horizontalPodAutoscalerConfig: z.strictObject({ behavior: z.looseObject({}) }),
      }),
      triggers: z.array(
        z.strictObject({
          type: z.literal('redis'),
          // KEDA takes texts alone.
          metadata: z.strictObject({
            address: text,
            databaseIndex: text,
            listName: text,
            listLength: text,
          }),
          authenticationRef: z.strictObject({ name: text }),
        }),
      ),
    }),
  }),
  'monitoring.coreos.com/v1 PrometheusRule': z.strictObject({
    apiVersion: text,
    kind: text,
    metadata,
    spec: z.strictObject({
      groups: z.array(z.strictObject({ name: text, rules: z.array(z.lazy(() => alertRule)) })),
    }),
  }),
  'monitoring.coreos.com/v1 PodMonitor': z.strictObject({
    apiVersion: text,
    kind: text,
    metadata,
    spec: z.strictObject({
      jobLabel: text,
      selector: z.strictObject({ matchLabels: labels }),
      podMetricsEndpoints: z.array(z.strictObject({ port: text, path: text, interval: text })),
    }),
  }),
};

const alertRule = z.strictObject({
  alert: text,
  expr: text,
  for: text.optional(),
  labels,
  annotations: z.strictObject({ summary: text, description: text, runbook_url: text }),
});

/**
 * What is wrong with a manifest: what its schema refuses, and fields that the schema does not know. Kubernetes' own
 * schemas let unknown fields pass, so a misspelt one would be dropped in silence; here a field counts as unknown when
 * the validation never looks at it.
 */
export function faultsOf(manifest: Manifest): readonly string[] {
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  const custom = CUSTOM[kind];
  if (custom !== undefined) {
    const parsed = custom.safeParse(manifest);
    return parsed.success ? [] : [z.prettifyError(parsed.error)];
  }
  const known = KINDS[kind];
  if (known === undefined) return [`nothing is known of ${kind}`];
  const watched = watch(manifest);
  try {
    known.validate.call(watched.value);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return watched.unread();
}

/** A value that remembers which of its fields, at any depth, somebody has read. */
function watch(value: object): { readonly value: object; readonly unread: () => readonly string[] } {
  const seen = new Map<object, Set<string>>();
  const proxies = new Map<object, object>();
  const wrap = (inner: object): object => {
    const known = proxies.get(inner);
    if (known !== undefined) return known;
    const read = new Set<string>();
    seen.set(inner, read);
    const proxy = new Proxy(inner, {
      get: (target, key): unknown => {
        if (typeof key === 'string') read.add(key);
        const field: unknown = Reflect.get(target, key);
        return typeof field === 'object' && field !== null ? wrap(field) : field;
      },
    });
    proxies.set(inner, proxy);
    return proxy;
  };
  const unreadIn = (inner: object, path: string): readonly string[] =>
    Object.entries(inner).flatMap(([key, field]: [string, unknown]) => {
      if (seen.get(inner)?.has(key) !== true) return [`${path}/${key} is no field that Kubernetes knows`];
      return typeof field === 'object' && field !== null ? unreadIn(field, `${path}/${key}`) : [];
    });
  return { value: wrap(value), unread: () => unreadIn(value, '') };
}
