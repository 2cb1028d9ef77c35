/** Where traces go. */
export interface TracingOptions {
  /** The collector, without the path of the traces. */
  readonly endpoint: string;
  /** Headers of each request, as OTEL_EXPORTER_OTLP_HEADERS has them. */
  readonly headers: string;
  /** Part of the traces that is kept, 0 to 1. */
  readonly sampleRatio: number;
  readonly serviceName: string;
  readonly version: string;
  /** Told what goes wrong with sending traces. */
  readonly onError: (problem: string) => void;
}
