import { z } from 'zod';
import type { ReceivedRequest } from './http-receiver.js';

const attribute = z.object({
  key: z.string(),
  value: z.looseObject({
    stringValue: z.string().optional(),
    intValue: z.union([z.number(), z.string()]).optional(),
  }),
});

const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              attributes: z.array(attribute).default([]),
              status: z.object({ code: z.number().optional() }).optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly service: string | number | undefined;
  /** 2 for an error. */
  readonly status: number;
}

/** All spans in requests to a collector (OTLP over HTTP, as JSON). */
export function spansIn(requests: readonly ReceivedRequest[]): readonly ReceivedSpan[] {
  return requests
    .flatMap(({ body }) => exported.parse(JSON.parse(body)).resourceSpans)
    .flatMap(({ resource, scopeSpans }) => {
      const service = valuesOf(resource.attributes)['service.name'];
      return scopeSpans
        .flatMap(({ spans }) => spans)
        .map(({ traceId, spanId, parentSpanId, name, attributes, status }) => ({
          ...{ trace: traceId, id: spanId, name, service, attributes: valuesOf(attributes) },
          parent: parentSpanId === '' ? undefined : parentSpanId,
          status: status?.code ?? 0,
        }));
    });
}

function valuesOf(attributes: readonly z.infer<typeof attribute>[]): ReceivedSpan['attributes'] {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? undefined : Number(intValue)),
    ]),
  );
}

/** Names of a span and of all those that it is a part of, from itself to the root. */
export function pathOf(spans: readonly ReceivedSpan[], span: ReceivedSpan): readonly string[] {
  const parent = spans.find(({ id }) => id === span.parent);
  return parent === undefined ? [span.name] : [span.name, ...pathOf(spans, parent)];
}
