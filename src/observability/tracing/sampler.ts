import { SpanKind, trace, type Attributes, type Context, type Link } from '@opentelemetry/api';
import {
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace-node';
import { ATTRIBUTE } from '../tracing.js';

/**
 * Keeps a part of the traces, each whole, and none of those that would consist of the housekeeping of BullMQ's workers
 * alone, which they do all the time, whether there is work or not.
 */
export class WorkSampler implements Sampler {
  readonly #sampler: Sampler;

  /** @param ratio part of the traces that is kept, 0 to 1 */
  constructor(ratio: number) {
    this.#sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }

  /** See {@link Sampler.shouldSample}. */
  shouldSample(
    parent: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const isRoot = trace.getSpanContext(parent) === undefined;
    if (isRoot && kind === SpanKind.INTERNAL && attributes[ATTRIBUTE.pipeline] === undefined)
      return { decision: SamplingDecision.NOT_RECORD };
    return this.#sampler.shouldSample(parent, traceId, name, kind, attributes, links);
  }

  /** What it is, for the library's own log. */
  toString(): string {
    return `WorkSampler{${this.#sampler.toString()}}`;
  }
}
