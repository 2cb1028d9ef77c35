import { z } from 'zod';

const target = z.object({ refId: z.string(), expr: z.string().min(1) });

const panel = z.object({
  id: z.int(),
  type: z.enum(['row', 'stat', 'timeseries']),
  title: z.string().min(1),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(target).default([]),
});

/** What the tests look at of a Grafana dashboard. */
export const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string(),
  panels: z.array(panel),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
});

/** What Grafana puts in for its variables. */
const VARIABLES: Readonly<Record<string, string>> = { __rate_interval: '5m', pipeline: '.*', job: '.*' };

/** All expressions of a dashboard, with values for its variables. */
export function expressionsIn(json: string): readonly { readonly title: string; readonly expr: string }[] {
  return dashboardSchema.parse(JSON.parse(json)).panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll(/\$(\w+)/g, (whole, name: string) => VARIABLES[name] ?? whole),
    })),
  );
}
