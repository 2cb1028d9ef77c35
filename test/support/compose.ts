import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const words = z.array(z.string());

const healthCheckSchema = z.looseObject({ test: words });

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.looseObject({ context: z.string(), dockerfile: z.string() }).optional(),
  entrypoint: words.optional(),
  command: words.optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).default({}),
  ports: words.default([]),
  volumes: words.default([]),
  restart: z.string().optional(),
  deploy: z.looseObject({ replicas: z.number().optional() }).optional(),
  healthcheck: healthCheckSchema.optional(),
});

const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
});

/** One service of a Compose file. */
export type ComposeService = z.output<typeof serviceSchema>;

/** What the tests look at in a Compose file. */
export type ComposeFile = z.output<typeof composeSchema>;

/** Reads a Compose file as Docker Compose does: merge keys are followed, and variables filled in. */
export function readComposeFile(path: string, variables: Readonly<Record<string, string>> = {}): ComposeFile {
  const document: unknown = parse(interpolate(readFileSync(path, 'utf8'), variables), { merge: true });
  return composeSchema.parse(document);
}

/** Fills in `${NAME:-default}`; `$$` stands for one dollar sign. */
function interpolate(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\$|\$\{(\w+):-([^}]*)\}/g,
    (whole: string, name: string | undefined, otherwise: string | undefined) => {
      if (name === undefined) return whole.slice(1);
      const value = variables[name] ?? '';
      return value === '' ? (otherwise ?? '') : value;
    },
  );
}

/** The environment of a service as its process sees it: all values are texts. */
export function environmentOf(service: ComposeService): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(service.environment).map(([name, value]) => [name, String(value)]),
  );
}

/** The calls of the program that a service makes, as arguments: its command, or those in its shell command. */
export function callsOf(service: ComposeService): readonly (readonly string[])[] {
  const command = service.command ?? [];
  if (service.entrypoint === undefined) return [command];
  const calls = command.join(' ').matchAll(/\blog-courier ([^;&|]+)/g);
  return [...calls].map(([, call = '']) => call.trim().split(/\s+/));
}
