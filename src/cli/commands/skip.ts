import { hostname, userInfo } from 'node:os';
import { NoSuchOrderError } from '../../pipelines/errors.js';
import { giveUp, isOneLine, LONGEST_REASON, type GivenUp } from '../../queues/give-up.js';
import type { Queues } from '../assembly.js';
import { print, printJson, UsageError, type Register } from '../context.js';
import { formatNumberOf } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withQueues } from '../with-store.js';

interface SkipOptions {
  readonly order: string;
  readonly reason: string;
  readonly by?: string;
  readonly json?: boolean;
}

/** Longest name of who skips, in characters. */
const LONGEST_NAME = 200;

/** `skip`: gives one order up, on the record. */
export const registerSkip: Register = (program, context) => {
  const command = program
    .command('skip')
    .description('give one work order up for good; the order book notes who, when, why and how many records')
    .requiredOption('--order <id>', 'the order: its id, as status prints it, or the board behind order-')
    .requiredOption('--reason <text>', `why, in up to ${String(LONGEST_REASON)} characters`)
    .option('--by <name>', 'who gives it up (default: user@host)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample: log-courier skip --order 0123456789abcdef --reason "the customer has closed the account"',
    )
    .action((options: SkipOptions) => {
      const id = oneLine('--order', options.order, LONGEST_NAME).toLowerCase();
      const reason = oneLine('--reason', options.reason, LONGEST_REASON);
      const by = oneLine('--by', options.by ?? userAtHost(), LONGEST_NAME);
      return withQueues(command, context, async (_store, queues) => {
        const skipped = await skip(queues, id, { by, reason });
        if (options.json === true) printJson(context.stdout, jsonOf(skipped));
        else print(context.stdout, describe(skipped));
      });
    });
  withSettings(command);
};

/** An order that was given up, and of which pipeline. */
interface Skipped extends GivenUp {
  readonly pipeline: string;
}

async function skip(
  { deliveries }: Queues,
  id: string,
  given: { readonly by: string; readonly reason: string },
): Promise<Skipped> {
  for (const { pipeline, queue } of deliveries) {
    if ((await pipeline.find(id)) === undefined) continue;
    return { ...(await giveUp({ pipeline, queue }, id, given)), pipeline: pipeline.name };
  }
  throw new NoSuchOrderError(id);
}

function jsonOf({ pipeline, order, skip: { by, reason, records, at }, already, underWay }: Skipped): object {
  return {
    ...{ pipeline, order: order.id, source: order.source, records, by, reason, at },
    alreadySkipped: already === true,
    deliveryUnderWay: underWay,
  };
}

function describe({ order, skip: { by, reason, records, at }, already, underWay }: Skipped): string {
  const what = `work order ${order.id} of ${order.source}`;
  const said =
    already === true
      ? `${what} was given up before, by ${by} at ${at}: ${reason}\nnothing was changed`
      : `${what} is given up by ${by}: ${formatNumberOf(records, 'record')} will not be delivered`;
  return underWay
    ? `${said}\na processor is delivering it at this moment: when it succeeds, the order counts as delivered`
    : said;
}

/** A text of an operator, trimmed. */
function oneLine(flag: string, given: string, longest: number): string {
  const text = given.trim();
  if (!isOneLine(text, longest))
    throw new UsageError(
      `skip ${flag}: give 1 to ${String(longest)} characters, without line breaks and other control characters`,
    );
  return text;
}

/** Who runs this process; a user id without an account, as containers have them, has no name. */
function userAtHost(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${String(process.getuid?.() ?? 'unknown')}`;
  }
}
