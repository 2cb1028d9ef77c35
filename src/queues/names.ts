/** Queue of the repeatable discovery jobs of all pipelines. */
export const DISCOVERY_QUEUE = 'discovery';

/** Queue of what is done at regular intervals beside discovery, for all pipelines. */
export const MAINTENANCE_QUEUE = 'maintenance';

/** Name of the queue that delivers one pipeline's work orders. */
export function deliveryQueueOf(pipeline: string): string {
  return `delivery-${pipeline}`;
}
