import { z } from 'zod';
import { Journal } from '../book/journal.js';
import type { ReportsOrder } from '../order.js';

const lineSchema = z.object({ digest: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * Which files were ever taken in, by the digest of their content: a journal in the spool that nothing is removed from.
 * It outlives the order book, so that a file is taken once, however much later somebody offers it again.
 */
export class TakenFiles {
  readonly #journal: Journal;
  readonly #digests = new Set<string>();
  #reading: Promise<void> = Promise.resolve();

  /** @param folder within the spool; made when missing */
  constructor(folder: string) {
    this.#journal = new Journal(folder);
  }

  /** Writes down that files are taken. */
  async note(
    orders: readonly Pick<ReportsOrder, 'digest' | 'input' | 'records' | 'orderedAt'>[],
  ): Promise<void> {
    await this.#journal.append(
      orders.map(({ digest, input, records, orderedAt }) =>
        JSON.stringify({ digest, input, records, at: orderedAt }),
      ),
    );
  }

  /** Tells whether a file was taken. */
  async has(digest: string): Promise<boolean> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#readOn());
    await this.#reading;
    return this.#digests.has(digest);
  }

  async #readOn(): Promise<void> {
    for (const { text } of (await this.#journal.news()).lines) {
      const digest = digestIn(text);
      if (digest !== undefined) this.#digests.add(digest);
    }
  }
}

function digestIn(text: string): string | undefined {
  try {
    return lineSchema.parse(JSON.parse(text)).digest;
  } catch {
    return undefined;
  }
}
