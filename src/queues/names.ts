/** Queue of the repeatable discovery jobs of all pipelines. */
export const DISCOVERY_QUEUE = 'discovery';

/** Name of the queue that delivers one pipeline's work orders. */
export function deliveryQueueOf(pipeline: string): string {
  return `delivery-${pipeline}`;
}
