import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { RULES_DIRECTORY } from './alert-rules.js';

const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(z.object({ state: z.string(), labels: z.record(z.string(), z.string()) })),
  }),
});
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
  }),
});

/** A Prometheus that scrapes one process every second, with the alert rules of the project. */
export interface Prometheus {
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  /** What became of each rule when it was evaluated last: ok, err or unknown. */
  healths(): Promise<ReadonlyMap<string, string>>;
  stop(): Promise<void>;
}

/**
 * Starts one (of Debian's package prometheus, see scripts/setup.sh).
 *
 * @param target the process's metrics server, host:port
 * @param hasten changes the rules, which wait for minutes otherwise
 */
export async function startPrometheus(
  target: string,
  hasten: (rules: string) => string,
): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'log-courier-prometheus-'));
  const rules = await readFile(resolve(RULES_DIRECTORY, 'rules.yml'), 'utf8');
  await writeFile(join(directory, 'rules.yml'), hasten(rules));
  await writeFile(
    join(directory, 'prometheus.yml'),
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'log-courier', static_configs: [{ targets: [target] }] }],
    }),
  );
  const address = `127.0.0.1:${String(await freePort())}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const api = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    return answer.json();
  };
  while (
    !(await fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null)
      throw new Error(`prometheus has ended with status ${String(child.exitCode)}`);
    await sleep(50);
  }
  return {
    firing: async () =>
      alertsSchema
        .parse(await api('alerts'))
        .data.alerts.filter(({ state }) => state === 'firing')
        .map(({ labels }) => labels['alertname'] ?? ''),
    healths: async () =>
      new Map(
        rulesSchema
          .parse(await api('rules'))
          .data.groups.flatMap(({ rules: all }) => all.map(({ name, health }) => [name, health])),
      ),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

/** Prometheus does not say which free port it has taken. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  server.close();
  await once(server, 'close');
  return port;
}
